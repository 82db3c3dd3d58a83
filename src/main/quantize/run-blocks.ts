/** A recipe over the blocks of a model: what each came to lies in the run's folder, where a run that was stopped goes on. */
import { hash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { type MatrixResult, type QuantizeResult, type Recipe } from '../../shared/contract/quantize'
import {
  type BlockOutcome,
  type CalibrationWindows,
  isInBlocks,
  type MatrixRecipe,
  type ModelMatrix,
  quantizeBlocks,
  readImportanceMatrix,
  roundedBytes,
} from '../engine'
import { toMoruError } from '../../shared/errors'
import { step } from '../trace'
import { blockMatrixRecipe, blockBits, isBlockMethod } from './block-recipes'
import { readCalibration } from './calibration-text'
import { choiceOf, isCalibrated, matrixRecipe } from './matrix-recipes'
import { withEngine } from './open-models'
import { type QuantizeTask } from './quantize-run'
import { RunFolder } from './run-folder'

/** Version of what run folders hold: those of another are begun anew. */
const runVersion = 2

export interface RoundedModel {
  /** Holds every block's outcome; to be removed once the model is written. */
  folder: RunFolder
  layers: MatrixResult[]
  calibration: NonNullable<QuantizeResult['calibration']>
  /** That of a file the recipe names, by GGUF's name of the weights. */
  importance?: ReadonlyMap<string, Float32Array>
}

/** Throws what reading the texts and quantizing throw, io, cancelled. */
export async function roundBlocks(task: QuantizeTask): Promise<RoundedModel> {
  const { recipe, sources, out, file, config, listener } = task
  listener.stage('calibration_text', null, config.layers)
  const { text, windows } = await step('calibrate', {}, () =>
    readCalibration({ file, config }, recipe.calibration, sources, isCalibrated(recipe)),
  )
  const importance = await importanceOf(recipe)
  const folder = await RunFolder.open(out, await runKey(task, text.sha256))
  const layers = await step('layers', {}, () => runBlocks(task, { windows, importance }, folder)).catch(
    async (thrown: unknown) => {
      // What would fail again, or has not begun, is not gone on with.
      const inVain = toMoruError(thrown).code === 'invalid_input' || !(await folder.state(config.layers))
      if (inVain) await folder.remove()
      throw thrown
    },
  )
  const calibration = {
    name: text.name,
    sha256: text.sha256,
    tokens: count(windows.seen),
    heldOutTokens: count(windows.heldOut),
  }
  return { folder, layers, calibration, importance }
}

const count = (windows: number[][]): number => windows.reduce((sum, ids) => sum + ids.length, 0)

async function importanceOf({ method, importance }: Recipe): Promise<RoundedModel['importance']> {
  if (!isBlockMethod(method) || importance?.kind !== 'file') return undefined
  return (await readImportanceMatrix(importance.path)).meanSquares
}

async function runKey({ model, recipe }: QuantizeTask, sha256: string): Promise<string> {
  const files = [model.path, ...(recipe.importance?.kind === 'file' ? [recipe.importance.path] : [])]
  const states = await Promise.all(files.map((path) => stat(path)))
  const parts = states.map(({ size, mtimeMs }, i) => [files[i], size, mtimeMs])
  return hash('sha256', JSON.stringify([runVersion, parts, recipe, sha256]))
}

/** @returns what all matrices came to, in the order of the layers; those of an earlier run too. */
async function runBlocks(
  task: QuantizeTask,
  { windows, importance }: { windows: CalibrationWindows; importance: RoundedModel['importance'] },
  folder: RunFolder,
): Promise<MatrixResult[]> {
  const { recipe, file, config, listener, signal } = task
  const found: MatrixResult[] = []
  const tell = (outcome: BlockOutcome) => {
    for (const result of matrixResults(outcome, recipe)) {
      found.push(result)
      listener.matrix(result)
    }
  }
  const resume = await folder.state(config.layers)
  for (let layer = 0; layer < (resume?.layers ?? 0); layer++) tell(await folder.block(layer))
  listener.stage('layers', resume?.layers ?? 0, config.layers)
  if (resume?.layers === config.layers) return found
  await withEngine(async (engine) =>
    quantizeBlocks(await engine.open(), file, config, {
      windows,
      // GGUF's importance is that of the original's inputs, as llama.cpp's imatrix tool has it.
      follow: windows.seen.length > 0 && !isBlockMethod(recipe.method),
      resume,
      recipeOf: (matrix) => recipeOf(task, matrix),
      gptq: recipe.gptq,
      awq: recipe.awq,
      importance,
      signal,
      onBlock: async (layer, outcome, state) => {
        await folder.store(layer, outcome, state)
        tell(outcome)
        listener.stage('layers', layer + 1, config.layers)
      },
    }),
  )
  return found
}

const recipeOf = ({ recipe, config }: QuantizeTask, matrix: ModelMatrix): MatrixRecipe | null =>
  isBlockMethod(recipe.method) ? blockMatrixRecipe(recipe, config, matrix) : matrixRecipe(recipe, matrix)

function matrixResults({ matrices }: BlockOutcome, recipe: Recipe): MatrixResult[] {
  return matrices.map(({ matrix, quantized, relativeError, weightMse }) => {
    const { canonical: name, layer, role, rows, cols } = matrix
    const bitsPerWeight = (roundedBytes(quantized) * 8) / (rows * cols)
    const kind = isInBlocks(quantized)
      ? { method: quantized.type, bits: blockBits(quantized.type)[0], group: null }
      : { method: choiceOf(recipe, matrix).method, bits: quantized.bits, group: quantized.group }
    return { name, layer, role, ...kind, relativeError, weightMse, bitsPerWeight }
  })
}

/** What the file itself tells of how it was made. */
export function metadataOf({ model, recipe }: QuantizeTask, { calibration, layers }: RoundedModel) {
  const mean = layers.reduce((sum, l) => sum + l.relativeError, 0) / Math.max(1, layers.length)
  return {
    'moru.source': model.name,
    'moru.recipe': JSON.stringify(recipe),
    'moru.calibration': JSON.stringify(calibration),
    'moru.mean_relative_error': String(mean),
  }
}
