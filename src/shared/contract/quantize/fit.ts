/** A recipe for a size: bits and methods matrix by matrix, from what each is measured to cost. */
import { z } from 'zod'
import { defineStream } from '../core'
import {
  awqOptions,
  blockMethods,
  calibration,
  gptqOptions,
  matrixRole,
  modelName,
  quantizeMethod,
  recipe,
} from './recipe'

/** Methods of codes and scales whose bits and groups can differ from matrix to matrix in one file. */
export const fitMethods = ['rtn', 'hqq', 'gptq', 'awq', 'awq-gptq'] as const

export const fitCandidate = z.object({
  method: quantizeMethod,
  bits: z.number(),
  /** null: of a block type. */
  group: z.number().int().nullable(),
  sizeBytes: z.number(),
  /** ||X (W - Q)^T|| / ||X W^T||, on some of the rows. */
  error: z.number(),
  /** KL divergence that it is estimated to cost, in nats. */
  kld: z.number(),
})
export type FitCandidate = z.infer<typeof fitCandidate>

export const matrixSensitivity = z.object({
  name: z.string(),
  layer: z.number().int(),
  role: matrixRole,
  /** Measured: KL divergence of the model with this matrix alone rounded to 3 bits, in nats. */
  kld: z.number(),
  /** Relative output error of that rounding. */
  error: z.number(),
  candidates: z.array(fitCandidate),
  /** Which of the candidates the recipe takes. */
  chosen: z.number().int(),
})
export type MatrixSensitivity = z.infer<typeof matrixSensitivity>

export const fitted = z.object({
  /** Of the model's file, the text and the choices: fits of one key share what was measured. */
  key: z.string(),
  model: z.object({ name: z.string(), path: z.string(), sizeBytes: z.number() }),
  recipe,
  format: z.enum(['gguf', 'safetensors']),
  budgetBytes: z.number(),
  /** Of the file that the recipe will write, at most. */
  sizeBytes: z.number(),
  /** Of the quantized matrices, scales and zeros counted. */
  bitsPerWeight: z.number(),
  /** Sum of the matrices' own, times how much more they were measured to cost together, in nats. */
  estimatedKld: z.number(),
  /** Divergence of all matrices rounded to 4 bits at once over the sum of what they cost one by one. */
  interaction: z.number(),
  /** Every matrix has the best of its candidates: a larger budget changes nothing. */
  atBest: z.boolean(),
  /** The budget holds the model in 16 bits, which loses nothing. */
  holds16Bits: z.boolean(),
  sensitivities: z.array(matrixSensitivity),
  elapsedMs: z.number(),
})
export type Fitted = z.infer<typeof fitted>

/** A job of the kind 'fit', which ends when the caller leaves. What an earlier fit of the same model and choices has measured is not measured again. Refuses a budget that is too small, and names the least. */
export const quantizeFit = defineStream('quantize.fit', {
  input: z.object({
    model: modelName,
    /** Of the whole file of weights: what is not quantized counts too. */
    budgetBytes: z.number().int().min(1),
    /** Of codes and scales, for a safetensors folder; or block types, for GGUF; not both. */
    methods: z
      .array(z.enum([...fitMethods, ...blockMethods]))
      .min(1)
      .max(20),
    /** Block types have bits and groups of their own. */
    bits: z.array(z.number().int().min(2).max(8)).min(1).max(7).default([2, 3, 4, 5, 6, 8]),
    /** Those that do not divide a matrix's rows are left out there; 0: a whole row. */
    groups: z
      .array(
        z
          .number()
          .int()
          .min(0)
          .max(1 << 20),
      )
      .min(1)
      .max(8)
      .default([64]),
    gptq: gptqOptions.prefault({}),
    awq: awqOptions.prefault({}),
    calibration: calibration.prefault({}),
  }),
  event: z.discriminatedUnion('kind', [
    /** In matrices. */
    z.object({ kind: z.literal('progress'), jobId: z.string(), done: z.number(), total: z.number() }),
    z.object({ kind: z.literal('finished'), fitted }),
  ]),
})
