/** A recipe from a model's file to a new one. */
import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type MatrixResult, type QuantizeResult, type Recipe } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import { demandSpace, isEncoder, type OpenModel } from '../engine'
import { type ResolvedModel } from '../models'
import { isBlockMethod } from './block-recipes'
import { type TextSources } from './calibration-text'
import { withModel } from './open-models'
import { planFile } from './plan'
import { toGguf } from './to-gguf'
import { toSafetensors } from './to-safetensors'

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

/** A job with its model open. */
export interface QuantizeTask extends QuantizeJob, OpenModel {
  listener: QuantizeListener
  signal: AbortSignal
}

/** What a format's writer tells of what it wrote. */
export type Written = Pick<QuantizeResult, 'sizeBytes' | 'calibration' | 'layers'>

/** Quantizes and writes. Throws what planning, reading and writing throw, cancelled; what is written is there whole or not at all. */
export async function quantizeModel(
  job: QuantizeJob,
  listener: QuantizeListener,
  signal: AbortSignal,
): Promise<QuantizeResult> {
  const start = performance.now()
  const { model, recipe } = job
  const out = resolve(job.out)
  if (await stat(out).catch(() => null))
    throw new MoruError('conflict', `${out} is there already: choose another name, or remove it first.`)
  if (!(await stat(dirname(out)).catch(() => null)))
    throw new MoruError('not_found', `There is no folder ${dirname(out)} to write into.`)
  return withModel(model.path, async ({ file, config }) => {
    const { bitsPerWeight, sizeBytes } = planFile(model, file, config, recipe)
    await demandSpace(out, sizeBytes)
    const write = out.endsWith('.gguf') || isBlockMethod(recipe.method) ? toGguf : toSafetensors
    const written = await write({ ...job, out, file, config, listener, signal })
    const encoder = isEncoder(config.architecture)
    return { path: out, modelId: null, bitsPerWeight, encoder, elapsedMs: performance.now() - start, ...written }
  })
}
