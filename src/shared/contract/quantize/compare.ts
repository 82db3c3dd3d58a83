/** Two models on the same text, and on the same prompt. */
import { z } from 'zod'
import { defineStream } from '../core'
import { loadSettings } from '../sampling'
import { modelName } from './recipe'

/** What two predictions of the same tokens come to. */
const comparedFigures = z.object({
  /** Predicted tokens: the first of each window is not. */
  tokens: z.number().int(),
  perplexity: z.tuple([z.number(), z.number()]),
  /** Mean over tokens of the Kullback-Leibler divergence of the second model's prediction from the first's, in nats. */
  kld: z.number(),
  /** Standard error of that mean. */
  kldError: z.number(),
  /** Share of tokens for which both hold the same one most likely. */
  sameTop1: z.number(),
  /** Root mean square of the change in the probability of the text's own token. */
  rmsDeltaP: z.number(),
})

const comparedWindow = comparedFigures.extend({
  /** First token of the window in the text. */
  firstToken: z.number().int(),
})

export const comparedModel = z.object({
  name: z.string(),
  path: z.string(),
  sizeBytes: z.number(),
  bitsPerWeight: z.number(),
  quantization: z.string(),
  loadMs: z.number(),
})

/** Speed of both, taken in turns in the same run, tokens a second. */
export const comparedSpeed = z.object({
  prefill: z.tuple([z.number(), z.number()]),
  decode: z.tuple([z.number(), z.number()]),
})

export const comparison = comparedFigures.extend({
  models: z.tuple([comparedModel, comparedModel]),
  text: z.object({ path: z.string(), sha256: z.string(), window: z.number(), windows: z.number(), skip: z.number() }),
  /** 50, 90, 99 and 100 % of the tokens diverge at most so far. */
  kldQuantiles: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  windows: z.array(comparedWindow),
  speed: comparedSpeed.nullable(),
  elapsedMs: z.number(),
  /** The first model is quantized already: what it lost before is not seen here. */
  firstIsQuantized: z.boolean(),
})
export type Comparison = z.infer<typeof comparison>

/** A token of the text as both predicted it. */
export const comparedToken = z.object({
  text: z.string(),
  /** Of this token, in nats; null for a window's first. */
  nll: z.tuple([z.number(), z.number()]).nullable(),
  kld: z.number().nullable(),
  sameTop1: z.boolean().nullable(),
})
export type ComparedToken = z.infer<typeof comparedToken>

/** Runs both models over windows of a text; the first is the original. A job of the kind 'compare', which ends when the caller leaves. */
export const compareRun = defineStream('compare.run', {
  input: z.object({
    models: z.tuple([modelName, modelName]),
    load: loadSettings.prefault({}),
    path: z.string().min(1).max(4096),
    window: z.number().int().min(2).max(100_000).default(1024),
    windows: z.number().int().min(1).max(10_000).default(4),
    skip: z.number().int().min(0).default(0),
    /** Also measures prefill and decode of both. */
    speed: z.boolean().default(false),
    /** Also tells every token. */
    perToken: z.boolean().default(false),
  }),
  event: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('progress'),
      jobId: z.string(),
      stage: z.enum(['load', 'predict', 'speed']),
      done: z.number(),
      total: z.number(),
      /** So far; null before the first tokens. */
      kld: z.number().nullable(),
    }),
    z.object({ kind: z.literal('window'), window: comparedWindow, tokens: z.array(comparedToken) }),
    z.object({ kind: z.literal('finished'), comparison }),
  ]),
})

/** Retrieval of a set's documents by each model's vectors alone: means over the queries. */
const comparedRetrieval = z.object({
  /** The BEIR folder. */
  path: z.string(),
  documents: z.number().int(),
  queries: z.number().int(),
  ndcgAt10: z.tuple([z.number(), z.number()]),
  recallAt10: z.tuple([z.number(), z.number()]),
  hitAt1: z.tuple([z.number(), z.number()]),
})

/** What two embedding models make of the same passages. */
export const embeddingComparison = z.object({
  models: z.tuple([comparedModel, comparedModel]),
  /** `path`: null where the passages are those of the set's corpus; `limit`: passages asked for at most. */
  text: z.object({ path: z.string().nullable(), sha256: z.string(), limit: z.number().int() }),
  passages: z.number().int(),
  /** Mean over passages of the cosine of the second model's embedding with the first's. */
  cosine: z.number(),
  /** 50, 90, 99 and 100 % of the passages are at least so near. */
  cosineQuantiles: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  /** Mean share of a passage's `k` nearest others that are the same for both, and share of passages whose nearest is. */
  neighbours: z.object({ k: z.number().int(), shared: z.number(), sameNearest: z.number() }),
  /** Embedding the passages, batch by batch in turns, tokens a second. */
  tokensPerSecond: z.tuple([z.number(), z.number()]),
  retrieval: comparedRetrieval.nullable(),
  elapsedMs: z.number(),
  firstIsQuantized: z.boolean(),
})
export type EmbeddingComparison = z.infer<typeof embeddingComparison>

const embeddingText = z.object({
  /** Its lines are the passages, cut where they are too long; null: those of the set's corpus. */
  path: z.string().min(1).max(4096).nullable().default(null),
  /** First passages of the text that are embedded. */
  passages: z.number().int().min(2).max(5000).default(512),
  /** A BEIR folder, for retrieval; null: none. */
  set: z.string().min(1).max(4096).nullable().default(null),
})

/** Embeds passages by both models; the first is the original. A job of the kind 'compare', which ends when the caller leaves. */
export const compareEmbeddings = defineStream('compare.embeddings', {
  input: embeddingText.extend({ models: z.tuple([modelName, modelName]) }),
  event: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('progress'),
      jobId: z.string(),
      stage: z.enum(['load', 'embed', 'retrieval']),
      done: z.number(),
      total: z.number(),
    }),
    z.object({ kind: z.literal('finished'), comparison: embeddingComparison }),
  ]),
})

/** The likeliest tokens at a place, most likely first, with the other model's probability of each. */
const distribution = z.array(z.object({ id: z.number().int(), text: z.string(), p: z.number(), otherP: z.number() }))

const answer = z.object({ text: z.string(), tokens: z.array(z.object({ id: z.number().int(), text: z.string() })) })

export const promptComparison = z.object({
  /** Greedy answers of both. */
  answers: z.tuple([answer, answer]),
  /** Tokens that are the same before the first that differs; null: none differs. */
  firstDifference: z.number().int().nullable(),
  /** What both predicted there (where none differs: at the last token). */
  distributions: z.tuple([distribution, distribution]),
  /** Divergence of the second's prediction from the first's for every token up to there. */
  kld: z.array(z.number()),
})
export type PromptComparison = z.infer<typeof promptComparison>

/** The same prompt, rendered by the first model's template, answered greedily by both. */
export const comparePrompt = defineStream('compare.prompt', {
  input: z.object({
    models: z.tuple([modelName, modelName]),
    load: loadSettings.prefault({}),
    system: z.string().max(100_000).default(''),
    prompt: z.string().min(1).max(1_000_000),
    maxTokens: z.number().int().min(1).max(2048).default(64),
  }),
  event: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('progress'), stage: z.enum(['load', 'answer']), done: z.number(), total: z.number() }),
    z.object({ kind: z.literal('finished'), comparison: promptComparison }),
  ]),
})
