/** GGUF's block types, which look at the weights alone: the file is written in one go. */
import { type MatrixResult, type QuantizeResult, type Recipe } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import { measureImportance, readImportanceMatrix } from '../engine'
import { step } from '../trace'
import { writeBlockRecipe } from './block-recipes'
import { readCalibration } from './calibration-text'
import { withEngine } from './open-models'
import { type QuantizeTask, type Written } from './quantize-run'

export async function toGguf(task: QuantizeTask): Promise<Written> {
  const { model, recipe, out, file, config, listener, signal } = task
  if (!out.endsWith('.gguf'))
    throw new MoruError('unsupported', `${recipe.method} is a type of GGUF: give a path that ends in .gguf.`)
  const layers: MatrixResult[] = []
  const { importance } = recipe
  const known = importance && (await step('calibrate', {}, () => importanceOf(task, importance)))
  listener.stage('writing', null, config.layers)
  const run = {
    recipe,
    out,
    importance: known?.importance,
    metadata: { 'moru.source': model.name, 'moru.recipe': JSON.stringify(recipe) },
  }
  const onMatrix = (matrix: MatrixResult) => {
    layers.push(matrix)
    listener.matrix(matrix)
    if (matrix.layer !== null) listener.stage('layers', matrix.layer, config.layers)
  }
  const sizeBytes = await step('write', {}, () => writeBlockRecipe(file, config, run, onMatrix, signal))
  return { sizeBytes, calibration: known?.calibration ?? null, layers }
}

interface Importance {
  importance: ReadonlyMap<string, Float32Array>
  calibration: QuantizeResult['calibration']
}

/** From an imatrix file, or measured on the calibration text. */
async function importanceOf(
  { recipe, sources, file, config, listener, signal }: QuantizeTask,
  from: NonNullable<Recipe['importance']>,
): Promise<Importance> {
  if (from.kind === 'file')
    return { importance: (await readImportanceMatrix(from.path)).meanSquares, calibration: null }
  listener.stage('calibration_text', null, config.layers)
  const { text, windows } = await readCalibration({ file, config }, recipe.calibration, sources, true)
  const onLayer = (layer: number) => listener.stage('layers', layer, config.layers)
  const importance = await withEngine(async (engine) =>
    measureImportance(await engine.open(), file, config, windows.seen, { signal, onLayer }),
  )
  const tokens = windows.seen.reduce((sum, ids) => sum + ids.length, 0)
  return { importance, calibration: { name: text.name, sha256: text.sha256, tokens, heldOutTokens: 0 } }
}
