/** Finding passages in collections. */
import { z } from 'zod'
import { defineRoute } from '../core'
import { id, sourcePlace } from './common'

export const searchMode = z.enum(['hybrid', 'dense', 'bm25'])
export type SearchMode = z.infer<typeof searchMode>

export const searchFilter = z.object({
  documentIds: z.array(id).max(1000).optional(),
  pathContains: z.string().max(1000).optional(),
  types: z.array(z.string().max(50)).max(50).optional(),
  changedAfter: z.number().optional(),
  changedBefore: z.number().optional(),
})

export const hit = z.object({
  documentId: id,
  path: z.string(),
  title: z.string(),
  chunkId: id,
  text: z.string(),
  place: sourcePlace,
  score: z.number(),
  /** Rank from 1 in each ranking, null where it was not found. */
  ranks: z.object({
    dense: z.number().int().nullable(),
    bm25: z.number().int().nullable(),
    rerank: z.number().int().nullable(),
  }),
  scores: z.object({
    dense: z.number().nullable(),
    bm25: z.number().nullable(),
    fused: z.number().nullable(),
    rerank: z.number().nullable(),
  }),
  /** Words of the query in the text, as offsets in it. */
  highlights: z.array(z.object({ start: z.number().int(), end: z.number().int() })),
})
export type Hit = z.infer<typeof hit>

export const searchTimings = z.object({
  embedMs: z.number(),
  denseMs: z.number(),
  bm25Ms: z.number(),
  fuseMs: z.number(),
  rerankMs: z.number(),
  totalMs: z.number(),
})

export const searchInput = z.object({
  collectionIds: z.array(id).min(1).max(50),
  query: z.string().min(1).max(10_000),
  k: z.number().int().min(1).max(1000).default(10),
  mode: searchMode.default('hybrid'),
  /** Rerank the first N hits with the collection's cross-encoder. */
  rerank: z.number().int().min(0).max(200).default(0),
  /** Diversity by maximal marginal relevance: 1 relevance alone, 0 diversity alone; null: off. */
  mmrLambda: z.number().min(0).max(1).nullable().default(null),
  /** Weight of the dense ranking in the fusion; null: the collections' own, set or measured. */
  denseWeight: z.number().min(0).max(1).nullable().default(null),
  /** Chunks before and after each hit to add to its text. */
  neighbours: z.number().int().min(0).max(5).default(0),
  filter: searchFilter.prefault({}),
  /** The trace whose call this is done again from. */
  replayOf: z.string().max(100).optional(),
})
export type SearchInput = z.output<typeof searchInput>

export const searchRun = defineRoute('search.run', {
  input: searchInput,
  output: z.object({ hits: z.array(hit), timings: searchTimings, notes: z.array(z.string()) }),
})
/** A 2-D projection of the collection's embeddings. */
export const searchMap = defineRoute('search.map', {
  input: z.object({ collectionId: id, limit: z.number().int().min(1).max(20_000).default(5000) }),
  output: z.object({ points: z.array(z.object({ chunkId: id, documentId: id, x: z.number(), y: z.number() })) }),
})

export const embedKind = z.enum(['query', 'passage', 'plain'])
/** Embeddings of texts, L2-normalised where the model says so. */
export const embedTexts = defineRoute('embed.texts', {
  input: z.object({
    model: z.string().max(4096).nullable(),
    texts: z.array(z.string().max(1_000_000)).min(1).max(10_000),
    kind: embedKind.default('plain'),
    /** The trace whose call this is done again from. */
    replayOf: z.string().max(100).optional(),
  }),
  output: z.object({ dim: z.number().int(), embeddings: z.array(z.array(z.number())), elapsedMs: z.number() }),
})
