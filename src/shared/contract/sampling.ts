import { z } from 'zod'

/** How the next token is chosen. temperature 0 is greedy. Sources of the methods: engine/runtime/sampling. */
export const sampling = z.object({
  temperature: z.number().min(0).max(10).default(0.7),
  /** 0: off. */
  topK: z.number().int().min(0).max(1_000_000).default(40),
  /** 1: off. */
  topP: z.number().min(0).max(1).default(0.95),
  /** 0: off. */
  minP: z.number().min(0).max(1).default(0.05),
  /** 1: off. */
  typicalP: z.number().min(0).max(1).default(1),
  /** 1: off. */
  repetitionPenalty: z.number().gt(0).max(10).default(1),
  presencePenalty: z.number().min(-2).max(2).default(0),
  frequencyPenalty: z.number().min(-2).max(2).default(0),
  /** Token id to a number added to its logit. */
  logitBias: z.record(z.string().regex(/^\d+$/), z.number().min(-100).max(100)).default({}),
  /** null: a new one each time. */
  seed: z.number().int().min(0).max(4_294_967_295).nullable().default(null),
  maxTokens: z.number().int().min(1).max(1_000_000).default(1024),
  /** Texts that end the answer; not part of it. */
  stop: z.array(z.string().min(1).max(200)).max(16).default([]),
})
export type Sampling = z.infer<typeof sampling>

export const loadSettings = z.object({
  /** Tokens a sequence may hold; null: what the model was made for, as far as memory allows. */
  contextLength: z.number().int().min(16).max(10_000_000).nullable().default(null),
  computeType: z.enum(['f32', 'f16']).default('f32'),
  /** int8: signed bytes with a scale for each half of a head and token. */
  kvType: z.enum(['f32', 'f16', 'int8']).default('f16'),
  /**
   * false: matrices that read the same inputs (queries, keys and values; gate and up) are multiplied one by one instead of stacked, to
   * see what stacking them brings.
   */
  fused: z.boolean().optional(),
})
export type LoadSettings = z.infer<typeof loadSettings>

export const finishReason = z.enum(['stop', 'length', 'cancelled', 'context_full'])
export type FinishReason = z.infer<typeof finishReason>

export const usage = z.object({
  promptTokens: z.number().int(),
  /** Prompt tokens whose keys and values were already in the cache. */
  cachedTokens: z.number().int(),
  completionTokens: z.number().int(),
})
export const timings = z.object({
  loadMs: z.number(),
  ttftMs: z.number(),
  prefillTokensPerSecond: z.number(),
  decodeTokensPerSecond: z.number(),
})
export type Usage = z.infer<typeof usage>
export type Timings = z.infer<typeof timings>

/** A token of an answer with its log-probability and the best alternatives, when asked for. */
export const tokenDetail = z.object({
  id: z.number().int(),
  text: z.string(),
  logprob: z.number().nullable(),
  top: z.array(z.object({ id: z.number().int(), text: z.string(), logprob: z.number() })),
})
export type TokenDetail = z.infer<typeof tokenDetail>
