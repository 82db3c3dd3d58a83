/** Codes with scales a group, block by block, as a safetensors folder. */
import { hash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { type MatrixResult, type QuantizeResult, type Recipe } from '../../shared/contract/quantize'
import { type BlockOutcome, type CalibrationWindows, quantizeBlocks, storedBytes, writeQuantized } from '../engine'
import { step } from '../trace'
import { readCalibration } from './calibration-text'
import { choiceOf, isCalibrated, layoutFor, matrixRecipe } from './matrix-recipes'
import { withEngine } from './open-models'
import { type QuantizeTask, type Written } from './quantize-run'
import { RunFolder } from './run-folder'

/** Version of what run folders hold: those of another are begun anew. */
const runVersion = 1

/** A run that was stopped at the same path with the same model, recipe and text goes on at the block it had reached. */
export async function toSafetensors(task: QuantizeTask): Promise<Written> {
  const { recipe, sources, out, file, config, listener, signal } = task
  listener.stage('calibration_text', null, config.layers)
  const { text, windows } = await step('calibrate', {}, () =>
    readCalibration({ file, config }, recipe.calibration, sources, isCalibrated(recipe)),
  )
  const folder = await RunFolder.open(out, await runKey(task, text.sha256))
  const layers = await step('layers', {}, () => runBlocks(task, windows, folder))
  listener.stage('writing', null, config.layers)
  const tokens = { tokens: count(windows.seen), heldOutTokens: count(windows.heldOut) }
  const calibration = { name: text.name, sha256: text.sha256, ...tokens }
  const quantized = {
    layout: layoutFor(recipe),
    double: recipe.double,
    layers: config.layers,
    block: (layer: number) => folder.block(layer),
  }
  const metadata = metadataOf(task, calibration, layers)
  const sizeBytes = await step('write', {}, () => writeQuantized(file, config, out, quantized, { metadata, signal }))
  await folder.remove()
  return { sizeBytes, calibration, layers }
}

const count = (windows: number[][]): number => windows.reduce((sum, ids) => sum + ids.length, 0)

async function runKey({ model, recipe }: QuantizeTask, sha256: string): Promise<string> {
  const { size, mtimeMs } = await stat(model.path)
  return hash('sha256', JSON.stringify([runVersion, model.path, size, mtimeMs, recipe, sha256]))
}

/** @returns what all matrices came to, in the order of the layers; those of an earlier run too. */
async function runBlocks(
  { recipe, file, config, listener, signal }: QuantizeTask,
  windows: CalibrationWindows,
  folder: RunFolder,
): Promise<MatrixResult[]> {
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
      resume,
      recipeOf: (matrix) => matrixRecipe(recipe, matrix),
      gptq: recipe.gptq,
      awq: recipe.awq,
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

function matrixResults({ matrices }: BlockOutcome, recipe: Recipe): MatrixResult[] {
  return matrices.map(({ matrix, quantized, relativeError, weightMse }) => {
    const { method } = choiceOf(recipe, matrix)
    const { canonical: name, layer, role, rows, cols } = matrix
    const bitsPerWeight = (storedBytes(quantized) * 8) / (rows * cols)
    const { bits, group } = quantized
    return { name, layer, role, method, bits, group, relativeError, weightMse, bitsPerWeight }
  })
}

/** What the file itself tells of how it was made. */
function metadataOf(
  { model, recipe }: QuantizeTask,
  calibration: QuantizeResult['calibration'],
  layers: MatrixResult[],
) {
  const mean = layers.reduce((sum, l) => sum + l.relativeError, 0) / Math.max(1, layers.length)
  return {
    'moru.source': model.name,
    'moru.recipe': JSON.stringify(recipe),
    'moru.calibration': JSON.stringify(calibration),
    'moru.mean_relative_error': String(mean),
  }
}
