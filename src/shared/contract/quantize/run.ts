/** Quantizing, and what came of it. */
import { z } from 'zod'
import { defineRoute, defineStream } from '../core'
import { compareEmbeddings, compareRun, comparison, embeddingComparison } from './compare'
import { matrixRole, modelName, quantizeMethod, recipe } from './recipe'

/** A matrix as it was quantized. */
export const matrixResult = z.object({
  name: z.string(),
  layer: z.number().int().nullable(),
  role: matrixRole,
  method: quantizeMethod,
  bits: z.number(),
  group: z.number().int().nullable(),
  /** ||X (W - Q)^T|| / ||X W^T|| over inputs that the method did not see (or, where the text was too short, over those it saw); of embeddings and heads ||W - Q|| / ||W||. */
  relativeError: z.number(),
  /** Mean squared difference of the weights. */
  weightMse: z.number(),
  /** Scales and zeros counted. */
  bitsPerWeight: z.number(),
})
export type MatrixResult = z.infer<typeof matrixResult>

export const quantizeResult = z.object({
  /** Of what was written. */
  path: z.string(),
  /** Its id in the library. */
  modelId: z.string().nullable(),
  sizeBytes: z.number(),
  bitsPerWeight: z.number(),
  /** It embeds or ranks texts. */
  encoder: z.boolean().default(false),
  elapsedMs: z.number(),
  calibration: z
    .object({ name: z.string(), sha256: z.string(), tokens: z.number().int(), heldOutTokens: z.number().int() })
    .nullable(),
  layers: z.array(matrixResult),
})
export type QuantizeResult = z.infer<typeof quantizeResult>

/**
 * Starts a job of the kind 'quantize'; its progress (layers) is in jobs.follow, what it finds in quantize.follow. A run that was
 * stopped goes on at the layer it had reached when it is started with the same model, recipe and path.
 */
export const quantizeStart = defineRoute('quantize.start', {
  input: z.object({
    model: modelName,
    recipe,
    /** A .gguf file or a folder for safetensors; null: a new name among the profile's models. */
    path: z.string().min(1).max(4096).nullable().default(null),
    /** Compares the result with the original on this text when it is done (a model that writes text); null: does not. */
    evaluate: compareRun.input.pick({ path: true, window: true, windows: true, skip: true }).nullable().default(null),
    /** The same of an embedding model. */
    evaluateEmbeddings: compareEmbeddings.input.omit({ models: true }).nullable().default(null),
  }),
  output: z.object({ jobId: z.string() }),
})

/** What a running job has found so far, then what it finds, to its end; of one that has ended, all at once. */
export const quantizeFollow = defineStream('quantize.follow', {
  input: z.object({ jobId: z.string().min(1).max(500) }),
  event: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('progress'),
      stage: z.enum(['calibration_text', 'layers', 'writing', 'evaluating']),
      /** The layer worked on; null between. */
      layer: z.number().int().nullable(),
      layers: z.number().int(),
      elapsedMs: z.number(),
    }),
    z.object({ kind: z.literal('matrix'), matrix: matrixResult }),
    z.object({
      kind: z.literal('finished'),
      result: quantizeResult,
      comparison: comparison.nullable(),
      embeddings: embeddingComparison.nullable(),
    }),
  ]),
})

/** A finished run as the results table shows it. */
export const quantizeRun = z.object({
  jobId: z.string(),
  source: z.object({ name: z.string(), path: z.string(), sizeBytes: z.number() }),
  recipe,
  result: quantizeResult,
  /** What was written is there still. */
  available: z.boolean(),
  /** The latest comparison of the result with its source on each text. */
  comparisons: z.array(comparison),
  /** The same of an embedding model, on each text and set. */
  embeddings: z.array(embeddingComparison),
  endedAt: z.number(),
})
export type QuantizeRun = z.infer<typeof quantizeRun>

/** Finished runs, newest first. */
export const quantizeRuns = defineRoute('quantize.runs', {
  input: z.object({ limit: z.number().int().min(1).max(500).default(100) }),
  output: z.array(quantizeRun),
})
