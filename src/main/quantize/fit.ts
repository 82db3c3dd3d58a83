/** Fit to a size: sensitivities are measured, and the budget is given to the matrices that need it most. */
import { hash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type EventOf } from '../../shared/contract'
import { type Fitted, type MatrixSensitivity, type quantizeFit } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import {
  allocate,
  foldsOf,
  isEncoder,
  linearMatrices,
  type LinearRole,
  measureSensitivities,
  type ModelConfig,
  type ModelMatrix,
  type OpenModel,
  Pace,
  type Sensitivities,
  type WeightFile,
} from '../engine'
import { type ResolvedModel } from '../models'
import { readCalibration, type TextSources } from './calibration-text'
import { type FitInput, type FitOption, formatFor, looksAtInputs, optionsFor, recipeOf } from './fit-candidates'
import { withEngine, withModel } from './open-models'
import { restBytes } from './plan'

export type FitEvent = EventOf<typeof quantizeFit>

/** A matrix and what may become of it. */
interface Item {
  matrix: ModelMatrix
  options: FitOption[]
}

interface Sizes {
  /** Of all that is not quantized, the file's header among it. */
  fixed: number
  /** Of everything with each matrix's smallest option. */
  least: number
  /** Of the file in 16 bits. */
  half: number
}

export interface FitTask {
  model: ResolvedModel
  input: FitInput
  sources: TextSources
  /** What an earlier fit of this key has measured, if there was one. */
  earlier: (key: string) => Fitted | null
}

/**
 * Throws invalid_input (a budget below the least possible, a text that is too short), unsupported for encoders, what loading throws, cancelled.
 */
export function fitToSize(
  task: FitTask,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<Fitted> {
  const start = performance.now()
  const { model, input } = task
  return withModel(model.path, async (open) => {
    const items = itemsOf(open, input)
    const sizes = await sizesOf(open.file, items, input)
    refuseSmall(model, input, sizes)
    const { key, measured } = await sensitivitiesOf(task, open, items, onProgress, signal)
    const found = await choose(items, measured, open.config, input.budgetBytes - sizes.fixed, signal)
    const { name, path } = model
    return {
      key,
      model: { name, path, sizeBytes: open.file.sizeBytes },
      format: formatFor(input),
      budgetBytes: input.budgetBytes,
      holds16Bits: input.budgetBytes >= sizes.half,
      ...summary(input, items, found, measured, sizes.fixed),
      elapsedMs: performance.now() - start,
    }
  })
}

/** Measured now, or found in an earlier fit. */
async function sensitivitiesOf(
  { model, input, sources, earlier }: FitTask,
  open: OpenModel,
  items: ReadonlyMap<string, Item>,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<{ key: string; measured: Sensitivities }> {
  const { file, config } = open
  const { text, windows } = await readCalibration(open, input.calibration, sources, looksAtInputs(input))
  const { size, mtimeMs } = await stat(model.path)
  const { budgetBytes: _, model: __, ...choices } = input
  const key = hash('sha256', JSON.stringify([measureVersion, model.path, size, mtimeMs, choices, text.sha256]))
  const known = earlier(key)
  if (known) return { key, measured: measuredIn(known, items) }
  const measured = await withEngine(async (engine) =>
    measureSensitivities(await engine.open(), file, config, {
      windows,
      candidates: ({ canonical }) => items.get(canonical)!.options.map((o) => o.candidate),
      gptq: input.gptq,
      awq: input.awq,
      onProgress,
      signal,
    }),
  )
  return { key, measured }
}

/** Of how sensitivities are measured: those of another are measured anew. */
const measureVersion = 1

const measuredIn = ({ sensitivities, interaction }: Fitted, items: ReadonlyMap<string, Item>): Sensitivities => ({
  interaction,
  matrices: sensitivities.map(({ name, kld, error, candidates }) => ({ matrix: items.get(name)!.matrix, kld, error, candidates })), // prettier-ignore
})

function itemsOf({ file, config }: OpenModel, input: FitInput): Map<string, Item> {
  if (isEncoder(config.architecture))
    throw new MoruError(
      'unsupported',
      'An embedding model predicts no tokens, whose KL divergence could be made least: quantize it by one recipe.',
    )
  return new Map(
    linearMatrices(file, config).map((matrix) => [matrix.canonical, { matrix, options: optionsFor(input, matrix) }]),
  )
}

/** What a tensor takes in a safetensors header, its name apart; a matrix is four. */
const headerBytes = 110

async function sizesOf(file: WeightFile, items: ReadonlyMap<string, Item>, input: FitInput): Promise<Sizes> {
  const matrices = [...items.values()]
  const names = new Set(matrices.map(({ matrix }) => matrix.name))
  const tensors = [...file.tensors.values()]
  const weights = tensors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const kept = tensors.filter(({ name }) => !names.has(name)).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const inGguf = formatFor(input) === 'gguf'
  // GGUF keeps tensors as they are, if they come from one; the header holds the tokenizer.
  const rest = inGguf && file.format === 'gguf' ? kept : restBytes(file, names)
  const headers = inGguf
    ? file.format === 'gguf'
      ? file.sizeBytes - weights
      : await tokenizerBytes(file)
    : 4 * tensors.reduce((sum, { name }) => sum + name.length + headerBytes, 0)
  const fixed = rest + headers + recipeBytes * matrices.length
  const smallest = matrices.reduce((sum, { options }) => sum + Math.min(...options.map((o) => o.sizeBytes)), 0)
  const half = rest + headers + matrices.reduce((sum, { matrix }) => sum + 2 * matrix.rows * matrix.cols, 0)
  return { fixed, least: Math.ceil(fixed + smallest), half }
}

/** Of a matrix in the recipe that the file tells, and for the padding of its tensor. */
const recipeBytes = 160

async function tokenizerBytes(file: WeightFile): Promise<number> {
  const size = await stat(join(dirname(file.paths[0]), 'tokenizer.json')).then(
    (found) => found.size,
    () => 0,
  )
  return size + headerBytes * file.tensors.size
}

function refuseSmall({ name }: ResolvedModel, { budgetBytes, methods }: FitInput, { fixed, least }: Sizes): void {
  if (budgetBytes >= least) return
  const mb = (bytes: number) => (Math.ceil(bytes / 1e5) / 10).toFixed(1)
  throw new MoruError(
    'invalid_input',
    `${mb(budgetBytes)} MB are too few: the least for ${name} by ${methods.join(', ')} is ${mb(least)} MB, of which ${mb(fixed)} MB are not quantized (embeddings, norms).`,
    { details: { budgetBytes, leastBytes: least, fixedBytes: fixed } },
  )
}

/** Index of each matrix's option, by its canonical name; `atBest`: none of those that may be taken costs less. */
interface Chosen {
  places: Map<string, number>
  atBest: boolean
}

async function choose(
  items: ReadonlyMap<string, Item>,
  { matrices }: Sensitivities,
  config: ModelConfig,
  bytes: number,
  signal: AbortSignal,
): Promise<Chosen> {
  const allowed = oneScalingEach(items, matrices, config)
  const choices = matrices.map(
    ({ matrix: { canonical }, candidates }) =>
    allowed.get(canonical)!.map((at) => ({ at, bytes: items.get(canonical)!.options[at].sizeBytes, cost: candidates[at].kld })), // prettier-ignore
  )
  const { chosen } = await allocate(choices, bytes, new Pace(signal))
  return {
    places: new Map(matrices.map(({ matrix }, i) => [matrix.canonical, choices[i][chosen[i]].at])),
    atBest: choices.every((own, i) => own.every(({ cost }) => cost >= own[chosen[i]].cost)),
  }
}

/**
 * Matrices that read the same inputs have them scaled (AWQ) all or none, since the scales are in what makes the inputs: where methods of both
 * kinds are asked for, the kind that costs less over all such options stays. @returns places of the options that stay
 */
function oneScalingEach(items: ReadonlyMap<string, Item>, matrices: Sensitivities['matrices'], config: ModelConfig) {
  const folds = foldsOf(config, new Set(matrices.map((m) => m.matrix.role)))
  const readersOf = (role: LinearRole) => folds.find((f) => f.readers.includes(role))?.readers ?? [role]
  const costs = new Map<string, [number, number]>()
  const keyOf = ({ layer, role }: ModelMatrix) => `${layer} ${readersOf(role).join()}`
  for (const { matrix, candidates } of matrices) {
    const sums = costs.get(keyOf(matrix)) ?? [0, 0]
    costs.set(keyOf(matrix), sums)
    items.get(matrix.canonical)!.options.forEach(({ candidate }, i) => (sums[candidate.scaled ? 1 : 0] += candidates[i].kld)) // prettier-ignore
  }
  const all = [...items.values()].flatMap(({ options }) => options.map((o) => o.candidate.scaled))
  const mixed = all.includes(true) && all.includes(false)
  return new Map(
    matrices.map(({ matrix }) => {
      const { options } = items.get(matrix.canonical)!
      const count = (scaled: boolean) => options.filter((o) => o.candidate.scaled === scaled).length
      const [plain, scaled] = costs.get(keyOf(matrix))!
      const keep = scaled / count(true) < plain / count(false)
      return [matrix.canonical, [...options.keys()].filter((i) => !mixed || options[i].candidate.scaled === keep)]
    }),
  )
}

function summary(
  input: FitInput,
  items: ReadonlyMap<string, Item>,
  { places, atBest }: Chosen,
  { matrices, interaction }: Sensitivities,
  fixed: number,
) {
  const chosen = matrices.map(({ matrix }) => {
    const { options } = items.get(matrix.canonical)!
    return { matrix, option: options[places.get(matrix.canonical)!] }
  })
  const quantized = chosen.reduce((sum, { option }) => sum + option.sizeBytes, 0)
  const codes = chosen.reduce((sum, { option }) => sum + option.codeBytes, 0)
  const weights = chosen.reduce((sum, { matrix }) => sum + matrix.rows * matrix.cols, 0)
  const sensitivities = matrices.map(({ matrix, kld, error, candidates }): MatrixSensitivity => {
    const { canonical: name, layer, role } = matrix
    const told = items
      .get(name)!
      .options.map(({ candidate: _, codeBytes: __, ...option }, i) => ({ ...option, ...candidates[i] }))
    return { name, layer, role, kld, error, candidates: told, chosen: places.get(name)! }
  })
  const costs = sensitivities.map((s) => s.candidates[s.chosen].kld)
  return {
    recipe: recipeOf(input, chosen),
    sizeBytes: Math.ceil(fixed + quantized),
    bitsPerWeight: (8 * codes) / weights,
    estimatedKld: interaction * costs.reduce((sum, kld) => sum + kld, 0),
    interaction,
    atBest,
    sensitivities,
  }
}
