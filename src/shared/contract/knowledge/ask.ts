/** Asking collections, and the cache of answers. */
import { z } from 'zod'
import { defineRoute, defineStream } from '../core'
import { loadSettings, sampling, timings, usage } from '../sampling'
import { id, sourcePlace, textRange } from './common'
import { hit } from './search'

export const citation = z.object({
  marker: z.number().int(),
  documentId: id,
  chunkId: id,
  path: z.string(),
  title: z.string(),
  place: sourcePlace,
})
export type Citation = z.infer<typeof citation>

/** What the answer cache did. */
export const cacheOutcome = z.object({
  kind: z.enum(['off', 'miss', 'exact', 'similar']),
  /** The question that was answered before, for a similar hit. */
  question: z.string().nullable(),
  distance: z.number().nullable(),
  savedMs: z.number().nullable(),
})

export const askEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('retrieved'), question: z.string(), hits: z.array(hit), leftOut: z.number().int() }),
  z.object({ kind: z.literal('progress'), stage: z.enum(['loading', 'prefill']), done: z.number(), total: z.number() }),
  z.object({ kind: z.literal('delta'), text: z.string() }),
  z.object({
    kind: z.literal('finished'),
    text: z.string(),
    /** False: no passage passed the relevance threshold, and the text says so. */
    answered: z.boolean(),
    citations: z.array(citation),
    /** Sentences, as offsets in `text`, that no passage supports. */
    unsupported: z.array(textRange),
    cache: cacheOutcome,
    usage: usage.nullable(),
    timings: z.object({ retrieveMs: z.number(), totalMs: z.number(), generate: timings.nullable() }),
  }),
])
/** One question to collections, answered with sources; nothing is stored but in the cache. */
export const askRun = defineStream('ask.run', {
  input: z.object({
    collectionIds: z.array(id).min(1).max(50),
    question: z.string().min(1).max(10_000),
    /** The conversation before, for follow-up questions. */
    history: z
      .array(z.object({ role: z.enum(['user', 'assistant']), content: z.string().max(200_000) }))
      .max(100)
      .default([]),
    model: z.string().max(4096).nullable().default(null),
    load: loadSettings.prefault({}),
    sampling: sampling.prefault({ temperature: 0, maxTokens: 512 }),
    /** What a person wants of every answer (language, tone); stands behind the product's own instructions. */
    system: z.string().max(200_000).default(''),
    useCache: z.boolean().default(true),
    /** The cache is not asked; the new answer takes the place of the old one in it. */
    refresh: z.boolean().default(false),
    /** Also answers drawn at random (temperature above 0) come from the cache and go there. */
    cacheSampled: z.boolean().default(false),
    rerank: z.number().int().min(0).max(200).default(0),
    /** The trace that this is asked again from, with other parameters. */
    replayOf: z.string().max(100).nullable().default(null),
  }),
  event: askEvent,
})

export const cacheStats = defineRoute('cache.stats', {
  input: z.object({}),
  output: z.object({
    entries: z.number().int(),
    sizeBytes: z.number(),
    exactHits: z.number().int(),
    similarHits: z.number().int(),
    misses: z.number().int(),
    savedMs: z.number(),
  }),
})
export const cacheClear = defineRoute('cache.clear', { input: z.object({}), output: z.object({}) })
