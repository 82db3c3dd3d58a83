/** What is done to a model's matrices, and what it would come to. */
import { z } from 'zod'
import { defineRoute } from '../core'

/** A library id, or a path on the host; null: the default model. */
export const modelName = z.string().min(1).max(4096).nullable()

/** Methods that make codes with scales a group (safetensors), by their names in the literature. */
const groupMethods = ['rtn', 'absmax', 'zero-point', 'int8', 'nf4', 'fp4', 'gptq', 'awq', 'awq-gptq', 'hqq'] as const
/** Block types of GGUF, the same for every matrix (but where a row does not divide by 256). */
export const blockMethods = ['q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0', 'q2_k', 'q3_k', 'q4_k', 'q5_k', 'q6_k'] as const
/** llama.cpp's mixes of block types by tensor. */
export const presetMethods = ['q3_k_m', 'q4_k_m', 'q5_k_m'] as const
export const quantizeMethod = z.enum([...groupMethods, ...blockMethods, ...presetMethods])
export type QuantizeMethod = z.infer<typeof quantizeMethod>

/** Where the texts come from that show which inputs a matrix gets. */
export const calibrationSource = z.discriminatedUnion('kind', [
  /** The text that comes along: Korean and English. */
  z.object({ kind: z.literal('bundled') }),
  z.object({ kind: z.literal('file'), path: z.string().min(1).max(4096) }),
  z.object({ kind: z.literal('collection'), collectionId: z.string().min(1).max(500) }),
  /** The person's own; only after they were asked. */
  z.object({ kind: z.literal('conversations'), agreed: z.literal(true) }),
])
export type CalibrationSource = z.infer<typeof calibrationSource>

export const calibration = z.object({
  source: calibrationSource.prefault({ kind: 'bundled' }),
  /** Windows of tokens, one after the other from the text's beginning, each without context from before. */
  windows: z.number().int().min(1).max(1024).default(16),
  window: z.number().int().min(16).max(8192).default(256),
})
export type Calibration = z.infer<typeof calibration>

/** Bits and group of one matrix, where it differs from the recipe's. */
export const matrixOverride = z.object({
  /** Canonical name, GGUF's: 'blk.3.attn_q.weight'. */
  name: z.string().min(1).max(200),
  method: quantizeMethod.optional(),
  bits: z.number().int().min(2).max(8).optional(),
  group: z
    .number()
    .int()
    .min(0)
    .max(1 << 20)
    .optional(),
})

export const gptqOptions = z.object({
  /** Share of the Hessian's mean diagonal that is added to its diagonal. */
  damping: z.number().min(0).max(10).default(0.01),
  /** Columns in the order of falling Hessian diagonals; groups stay those of the natural order. */
  actOrder: z.boolean().default(true),
  /** Columns whose errors are passed on together. */
  blockColumns: z.number().int().min(8).max(1024).default(128),
})

export const awqOptions = z.object({
  /** Exponents tried between 0 and 1. */
  steps: z.number().int().min(2).max(100).default(20),
  /** Also narrows each group's range where that lessens the output error. */
  clip: z.boolean().default(true),
})

export const recipe = z.object({
  method: quantizeMethod,
  /** Of a code. Given by the method for int8, nf4, fp4, absmax, zero-point, block types and presets. */
  bits: z.number().int().min(2).max(8).default(4),
  /** Inputs that share a scale; 0: a whole row. */
  group: z
    .number()
    .int()
    .min(0)
    .max(1 << 20)
    .default(64),
  /** absmax and zero-point: one scale for the whole matrix; `group` is not used. */
  perTensor: z.boolean().default(false),
  symmetric: z.boolean().default(false),
  /** NF4 and FP4: the scales are quantized too. */
  double: z.boolean().default(false),
  /** Ranges that cost least squared error instead of those from smallest to largest weight (rtn, gptq). */
  searchRange: z.boolean().default(false),
  gptq: gptqOptions.prefault({}),
  awq: awqOptions.prefault({}),
  /** Importance of inputs for block types: a file of llama.cpp's (imatrix), or measured from the calibration text. */
  importance: z
    .discriminatedUnion('kind', [
      /** The path may be empty while a recipe is being written; its plan refuses it. */
      z.object({ kind: z.literal('file'), path: z.string().max(4096) }),
      z.object({ kind: z.literal('measured') }),
    ])
    .nullable()
    .default(null),
  /** Keys and values of the cache, when the model runs: what chat loads it with. */
  kv: z.enum(['f16', 'int8']).default('f16'),
  overrides: z.array(matrixOverride).max(10_000).default([]),
  calibration: calibration.prefault({}),
})
export type Recipe = z.infer<typeof recipe>
export type RecipeInput = z.input<typeof recipe>

/** The part a matrix plays in its layer. */
export const matrixRole = z.enum([
  'attn_q', 'attn_k', 'attn_v', 'attn_qkv', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down', 'embedding', 'output',
]) // prettier-ignore

export const plannedMatrix = z.object({
  name: z.string(),
  layer: z.number().int().nullable(),
  role: matrixRole,
  rows: z.number().int(),
  cols: z.number().int(),
  /** f16 where its rows divide into no block. */
  method: z.union([quantizeMethod, z.literal('f16')]),
  bits: z.number(),
  group: z.number().int().nullable(),
  sizeBytes: z.number(),
  /** Another type than was asked for, because its rows do not divide: 'q4_k becomes q5_0'. */
  fallback: z.object({ wanted: z.string(), used: z.string() }).nullable(),
})
export type PlannedMatrix = z.infer<typeof plannedMatrix>

/** What a person should know before the start; the window words them. */
export const planWarning = z.discriminatedUnion('kind', [
  /** The source has been quantized before: comparisons show what is lost beyond that. */
  z.object({ kind: z.literal('source_quantized'), type: z.string(), bitsPerWeight: z.number() }),
  z.object({ kind: z.literal('fallbacks'), matrices: z.number().int() }),
  /** The same groups and at least as many levels as the source: nothing changes. */
  z.object({ kind: z.literal('reproduces_source'), type: z.string() }),
  /** AWQ scales no inputs of these: nothing before them takes the scales up (a norm that the residual reads too, a nonlinearity). */
  z.object({ kind: z.literal('not_scaled'), matrices: z.number().int(), of: z.number().int() }),
  z.object({ kind: z.literal('larger_than_source'), sourceBytes: z.number() }),
])

export const quantizePlanResult = z.object({
  model: z.object({ name: z.string(), path: z.string(), sizeBytes: z.number(), bitsPerWeight: z.number() }),
  recipe,
  format: z.enum(['gguf', 'safetensors']),
  /** Of the layout that other programs know it by: 'gptq', 'awq', 'bitsandbytes', 'q4_k'. */
  layout: z.string(),
  matrices: z.array(plannedMatrix),
  /** Of the files that will be written. */
  sizeBytes: z.number(),
  /** Of the matrices that are quantized, scales and zeros counted. */
  bitsPerWeight: z.number(),
  /** Most that the work holds at a time. */
  memoryBytes: z.number(),
  /** A calibration text is needed and read. */
  calibrates: z.boolean(),
  warnings: z.array(planWarning),
})
export type QuantizePlan = z.infer<typeof quantizePlanResult>

/** What a recipe would do to a model. Refuses, with the divisors named, a group that does not divide the rows. */
export const quantizePlan = defineRoute('quantize.plan', {
  input: z.object({ model: modelName, recipe }),
  output: quantizePlanResult,
})
