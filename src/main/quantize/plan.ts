/** What a recipe would come to, before anything is computed. */
import { type PlannedMatrix, type QuantizePlan, type Recipe } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import {
  foldsOf,
  groupsOf,
  linearMatrices,
  outerMatrices,
  type ModelConfig,
  type ModelMatrix,
  storedBits,
  type WeightFile,
} from '../engine'
import { type ResolvedModel } from '../models'
import { blockBits, blockChoice, isBlockMethod } from './block-recipes'
import { withModel } from './open-models'
import { choiceOf, isCalibrated, layoutFor, matrixRecipe, storedSize } from './matrix-recipes'

/** Fewer bits a weight than the shortest floats have: what was lost then, comparisons do not see. */
export const isQuantized = (bitsPerWeight: number): boolean => bitsPerWeight < 16

/** Reads the model's header. Throws invalid_input for a group that does not divide, naming the divisors; unsupported. */
export function planOf(model: ResolvedModel, recipe: Recipe): Promise<QuantizePlan> {
  return withModel(model.path, async ({ file, config }) => planFile(model, file, config, recipe))
}

export function planFile(model: ResolvedModel, file: WeightFile, config: ModelConfig, recipe: Recipe): QuantizePlan {
  if (recipe.importance?.kind === 'file' && !recipe.importance.path)
    throw new MoruError('invalid_input', 'No file is named for the importance matrix: give its path, or choose none.')
  const matrices = linearMatrices(file, config)
  const blocks = isBlockMethod(recipe.method)
  const planned = matrices.map((m) => (blocks ? planBlocks(m, recipe, config) : planMatrix(m, recipe)))
  const fallbacks = planned.filter((m) => m.fallback).length
  const quantizedBytes = planned.reduce((sum, m) => sum + m.sizeBytes, 0)
  const weights = planned.reduce((sum, m) => sum + m.rows * m.cols, 0)
  const outer = blocks ? plannedOuter(file, config, recipe) : []
  const names = new Set([...matrices, ...outer].map((m) => m.name))
  // GGUF keeps what it has of its own.
  const rest = restBytes(file, names, blocks && file.format === 'gguf')
  const sizeBytes = outer.reduce((sum, m) => sum + m.sizeBytes, quantizedBytes + rest)
  const { type, bits } = sourceType(file, matrices)
  return {
    model: { name: model.name, path: model.path, sizeBytes: file.sizeBytes, bitsPerWeight: bits },
    recipe,
    format: blocks ? 'gguf' : 'safetensors',
    layout: blocks ? recipe.method : layoutFor(recipe),
    matrices: planned,
    sizeBytes,
    bitsPerWeight: (quantizedBytes * 8) / weights,
    memoryBytes: memoryOf(config, matrices, recipe),
    calibrates: isCalibrated(recipe),
    warnings: [
      ...(isQuantized(bits) ? [{ kind: 'source_quantized' as const, type, bitsPerWeight: bits }] : []),
      ...(fallbacks > 0 ? [{ kind: 'fallbacks' as const, matrices: fallbacks }] : []),
      ...notScaled(config, matrices, recipe),
      ...(reproduces(type, recipe) ? [{ kind: 'reproduces_source' as const, type }] : []),
      ...(sizeBytes > file.sizeBytes ? [{ kind: 'larger_than_source' as const, sourceBytes: file.sizeBytes }] : []),
    ],
  }
}

function planMatrix(matrix: ModelMatrix, recipe: Recipe): PlannedMatrix {
  const choice = choiceOf(recipe, matrix)
  const { canonical: name, layer, role, rows, cols } = matrix
  const choices = groupsOf(cols)
  if (!choices.includes(choice.group))
    throw new MoruError(
      'invalid_input',
      `${name} has rows of ${cols} inputs, which groups of ${choice.group} do not divide. Choose ${[...choices.slice(0, -1), '0 (a whole row)'].join(', ')}.`,
      { details: { group: choice.group, cols, choices } },
    )
  matrixRecipe(recipe, matrix)
  const sizeBytes = storedSize(choice, rows, cols, recipe)
  const { method, group } = choice
  return { name, layer, role, rows, cols, method, bits: choice.bits, group, sizeBytes, fallback: null }
}

function planBlocks(matrix: ModelMatrix, recipe: Recipe, config: ModelConfig): PlannedMatrix {
  const { canonical: name, layer, role, rows, cols } = matrix
  const { type, wanted } = blockChoice(recipe, config, name, cols)!
  const [bits, stored] = blockBits(type)
  const fallback = type === wanted ? null : { wanted, used: type }
  return {
    name,
    layer,
    role,
    rows,
    cols,
    method: type,
    bits,
    group: null,
    sizeBytes: (rows * cols * stored) / 8,
    fallback,
  }
}

/** An embedding and a head that the mix rounds too. */
function plannedOuter(file: WeightFile, config: ModelConfig, recipe: Recipe): { name: string; sizeBytes: number }[] {
  return outerMatrices(file, config).flatMap(({ canonical, name, rows, cols }) => {
    const choice = blockChoice(recipe, config, canonical, cols)
    return choice ? [{ name, sizeBytes: (rows * cols * blockBits(choice.type)[1]) / 8 }] : []
  })
}

/** Tensors that stay: matrices of 16 bits, or as they are, and vectors as they are. */
export function restBytes(file: WeightFile, quantized: ReadonlySet<string>, asItIs = false): number {
  let bytes = 0
  for (const { name, shape, sizeBytes } of file.tensors.values()) {
    if (quantized.has(name)) continue
    bytes += shape.length > 1 && !asItIs ? 2 * shape.reduce((a, b) => a * b, 1) : sizeBytes
  }
  return bytes
}

/** The type that most of the matrices have, and their bits a weight. */
function sourceType(file: WeightFile, matrices: ModelMatrix[]): { type: string; bits: number } {
  const counts = new Map<string, number>()
  let bits = 0
  let weights = 0
  for (const { name, rows, cols } of matrices) {
    const info = file.tensors.get(name)!
    const type = info.quantized ? `${info.quantized.bits} bits` : info.type
    counts.set(type, (counts.get(type) ?? 0) + rows * cols)
    bits += storedBits(info) * rows * cols
    weights += rows * cols
  }
  const [[type]] = [...counts].sort((a, b) => b[1] - a[1])
  return { type, bits: bits / weights }
}

function notScaled(config: ModelConfig, matrices: ModelMatrix[], recipe: Recipe): QuantizePlan['warnings'] {
  const asked = matrices.filter((m) => ['awq', 'awq-gptq'].includes(choiceOf(recipe, m).method))
  const readers = foldsOf(config, new Set(matrices.map((m) => m.role))).flatMap((fold) => fold.readers)
  const without = asked.filter((m) => !readers.includes(m.role)).length
  return without > 0 ? [{ kind: 'not_scaled', matrices: without, of: asked.length }] : []
}

/** Asymmetric codes over the source's own groups find its levels again. */
function reproduces(type: string, recipe: Recipe): boolean {
  const levels = /^q([458])_[01]$/.exec(type)
  return levels !== null && recipe.group === 32 && !recipe.symmetric && recipe.bits >= Number(levels[1])
}

/** One block in f32, its second moments twice, and the windows' hidden states; all codes lie on disk. */
function memoryOf(config: ModelConfig, matrices: ModelMatrix[], { calibration }: Recipe): number {
  const block = matrices.filter((m) => m.layer === 0)
  const weights = block.reduce((sum, m) => sum + m.rows * m.cols, 0)
  const widest = Math.max(...block.map((m) => m.cols))
  const tokens = calibration.windows * calibration.window
  return 12 * weights + 24 * widest * widest + 8 * tokens * config.hiddenDim + 64 * config.vocabSize * 4
}
