/** Measuring how well collections are searched. */
import { z } from 'zod'
import { defineStream } from '../core'
import { id } from './common'
import { searchMode } from './search'

export const retrievalMetrics = z.object({
  mode: searchMode,
  rerank: z.boolean(),
  hitAt1: z.number(),
  hitAt5: z.number(),
  hitAt10: z.number(),
  mrrAt10: z.number(),
  ndcgAt10: z.number(),
  recallAt100: z.number(),
  queries: z.number().int(),
  medianMs: z.number(),
})
export type RetrievalMetrics = z.infer<typeof retrievalMetrics>
/** Evaluates retrieval on a BEIR folder, or on a collection with queries from a file or written by the model. */
export const evaluateRetrieval = defineStream('evaluate.retrieval', {
  input: z.object({
    source: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('beir'), path: z.string().min(1).max(4096) }),
      z.object({ kind: z.literal('queries'), collectionId: id, path: z.string().min(1).max(4096) }),
      z.object({ kind: z.literal('generated'), collectionId: id, count: z.number().int().min(1).max(500) }),
    ]),
    modes: z
      .array(z.object({ mode: searchMode, rerank: z.boolean() }))
      .min(1)
      .max(6),
    embeddingModel: z.string().max(4096).nullable().default(null),
    rerankModel: z.string().max(4096).nullable().default(null),
    koreanMorphemes: z.boolean().default(false),
  }),
  event: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('progress'),
      stage: z.enum(['index', 'generate', 'search']),
      done: z.number(),
      total: z.number(),
      ratePerSecond: z.number(),
    }),
    z.object({
      kind: z.literal('finished'),
      results: z.array(retrievalMetrics),
      perQuery: z.array(
        z.object({
          query: z.string(),
          relevant: z.array(z.string()),
          rank: z.array(z.number().int().nullable()),
          generated: z.boolean(),
        }),
      ),
    }),
  ]),
})
