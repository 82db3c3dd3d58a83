/** A recipe from a model's file to a new one. */
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type MatrixResult, type QuantizeResult, type Recipe } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import {
  type BlockOutcome,
  type CalibrationWindows,
  Engine,
  loadTokenizer,
  measureImportance,
  type ModelConfig,
  openModelFile,
  quantizeBlocks,
  readImportanceMatrix,
  readModelConfig,
  storedBytes,
  type WeightFile,
  writeQuantized,
} from '../engine'
import { type ResolvedModel } from '../models'
import { isBlockMethod, writeBlockRecipe } from './block-recipes'
import { type CalibrationText, calibrationText, calibrationWindows, type TextSources } from './calibration-text'
import { choiceOf, isCalibrated, layoutFor, matrixRecipe } from './matrix-recipes'
import { planFile } from './plan'
import { RunFolder } from './run-folder'

export interface QuantizeListener {
  stage(stage: 'calibration_text' | 'layers' | 'writing', layer: number | null, layers: number): void
  matrix(matrix: MatrixResult): void
}

export interface QuantizeJob {
  model: ResolvedModel
  recipe: Recipe
  /** A folder that is not there yet. */
  out: string
  sources: TextSources
}

/** Version of what run folders hold: those of another are begun anew. */
const runVersion = 1

/**
 * Quantizes and writes. A run that was stopped at the same path with the same model, recipe and text goes on at the block it had
 * reached. Throws what planning, reading and writing throw, cancelled; what is written is there whole or not at all.
 */
export async function quantizeModel(
  job: QuantizeJob,
  listener: QuantizeListener,
  signal: AbortSignal,
): Promise<QuantizeResult> {
  const start = performance.now()
  const out = resolve(job.out)
  if (await stat(out).catch(() => null))
    throw new MoruError('conflict', `${out} is there already: choose another name, or remove it first.`)
  const file = await openModelFile(job.model.path)
  try {
    const config = await readModelConfig(file)
    const plan = planFile(job.model, file, config, job.recipe)
    if (out.endsWith('.gguf') || isBlockMethod(job.recipe.method))
      return await runBlockTypes({ ...job, out }, file, config, plan.bitsPerWeight, listener, signal)
    listener.stage('calibration_text', null, config.layers)
    const { tokenizer } = await loadTokenizer(file)
    const text = await calibrationText(job.recipe.calibration, job.sources, tokenizer)
    const windows = calibrationWindows(tokenizer, text, job.recipe.calibration, isCalibrated(job.recipe))
    const folder = await RunFolder.open(out, await runKey(job, text))
    const tokens = await runBlocks({ job, file, config, windows, folder, listener, signal })
    listener.stage('writing', null, config.layers)
    const layers = await results(folder, config, job.recipe)
    const calibration = { name: text.name, sha256: text.sha256, ...tokens }
    const sizeBytes = await writeQuantized(
      file,
      config,
      out,
      {
        layout: layoutFor(job.recipe),
        double: job.recipe.double,
        layers: config.layers,
        block: (layer) => folder.block(layer),
      },
      { metadata: metadataOf(job, calibration, layers), signal },
    )
    await folder.remove()
    const elapsedMs = performance.now() - start
    return { path: out, modelId: null, sizeBytes, bitsPerWeight: plan.bitsPerWeight, elapsedMs, calibration, layers }
  } finally {
    await file.close()
  }
}

/** Block types look at the weights alone: the file is written in one go. */
async function runBlockTypes(
  job: QuantizeJob,
  file: WeightFile,
  config: ModelConfig,
  bitsPerWeight: number,
  listener: QuantizeListener,
  signal: AbortSignal,
): Promise<QuantizeResult> {
  const start = performance.now()
  if (!job.out.endsWith('.gguf'))
    throw new MoruError('unsupported', `${job.recipe.method} is a type of GGUF: give a path that ends in .gguf.`)
  const layers: MatrixResult[] = []
  const known = await importanceOf(job, file, config, listener, signal)
  listener.stage('writing', null, config.layers)
  const sizeBytes = await writeBlockRecipe(
    file,
    config,
    {
      recipe: job.recipe,
      out: job.out,
      importance: known?.importance,
      metadata: { 'moru.source': job.model.name, 'moru.recipe': JSON.stringify(job.recipe) },
    },
    (matrix) => {
      layers.push(matrix)
      listener.matrix(matrix)
      if (matrix.layer !== null) listener.stage('layers', matrix.layer, config.layers)
    },
    signal,
  )
  const elapsedMs = performance.now() - start
  return {
    path: job.out,
    modelId: null,
    sizeBytes,
    bitsPerWeight,
    elapsedMs,
    calibration: known?.calibration ?? null,
    layers,
  }
}

/** From an imatrix file, or measured on the calibration text; null where the recipe asks for none. */
async function importanceOf(
  job: QuantizeJob,
  file: WeightFile,
  config: ModelConfig,
  listener: QuantizeListener,
  signal: AbortSignal,
): Promise<{ importance: ReadonlyMap<string, Float32Array>; calibration: QuantizeResult['calibration'] } | null> {
  const { importance, calibration } = job.recipe
  if (!importance) return null
  if (importance.kind === 'file')
    return { importance: (await readImportanceMatrix(importance.path)).meanSquares, calibration: null }
  listener.stage('calibration_text', null, config.layers)
  const { tokenizer } = await loadTokenizer(file)
  const text = await calibrationText(calibration, job.sources, tokenizer)
  const { seen } = calibrationWindows(tokenizer, text, calibration, true)
  const engine = new Engine()
  try {
    const onLayer = (layer: number) => listener.stage('layers', layer, config.layers)
    const found = await measureImportance(await engine.open(), file, config, seen, { signal, onLayer })
    const tokens = seen.reduce((sum, ids) => sum + ids.length, 0)
    return { importance: found, calibration: { name: text.name, sha256: text.sha256, tokens, heldOutTokens: 0 } }
  } finally {
    await engine.close()
  }
}

async function runKey({ model, recipe }: QuantizeJob, { sha256 }: CalibrationText): Promise<string> {
  const { size, mtimeMs } = await stat(model.path)
  const facts = JSON.stringify([runVersion, model.path, size, mtimeMs, recipe, sha256])
  return createHash('sha256').update(facts).digest('hex')
}

interface Running {
  job: QuantizeJob
  file: WeightFile
  config: ModelConfig
  windows: CalibrationWindows
  folder: RunFolder
  listener: QuantizeListener
  signal: AbortSignal
}

async function runBlocks({ job, file, config, windows, folder, listener, signal }: Running) {
  const { recipe } = job
  const count = (all: number[][]) => all.reduce((sum, ids) => sum + ids.length, 0)
  const resume = await folder.state(config.layers)
  for (let layer = 0; layer < (resume?.layers ?? 0); layer++) tell(await folder.block(layer), recipe, listener)
  listener.stage('layers', resume?.layers ?? 0, config.layers)
  if (resume?.layers !== config.layers) {
    const engine = new Engine()
    try {
      await quantizeBlocks(await engine.open(), file, config, {
        windows,
        resume,
        recipeOf: (matrix) => matrixRecipe(recipe, matrix),
        gptq: recipe.gptq,
        awq: recipe.awq,
        signal,
        onBlock: async (layer, outcome, state) => {
          await folder.store(layer, outcome, state)
          tell(outcome, recipe, listener)
          listener.stage('layers', layer + 1, config.layers)
        },
      })
    } finally {
      await engine.close()
    }
  }
  return { tokens: count(windows.seen), heldOutTokens: count(windows.heldOut) }
}

function tell(outcome: BlockOutcome, recipe: Recipe, listener: QuantizeListener): void {
  for (const result of matrixResults(outcome, recipe)) listener.matrix(result)
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

async function results(folder: RunFolder, config: ModelConfig, recipe: Recipe): Promise<MatrixResult[]> {
  const all: MatrixResult[] = []
  for (let layer = 0; layer < config.layers; layer++) all.push(...matrixResults(await folder.block(layer), recipe))
  return all
}

/** What the file itself tells of how it was made. */
function metadataOf(job: QuantizeJob, calibration: QuantizeResult['calibration'], layers: MatrixResult[]) {
  const mean = layers.reduce((sum, l) => sum + l.relativeError, 0) / Math.max(1, layers.length)
  return {
    'moru.source': job.model.name,
    'moru.recipe': JSON.stringify(job.recipe),
    'moru.calibration': JSON.stringify(calibration),
    'moru.mean_relative_error': String(mean),
  }
}
