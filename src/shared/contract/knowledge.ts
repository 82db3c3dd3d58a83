/** Collections of documents: what is in them, finding in them, and asking them. */
import { z } from 'zod'
import { defineRoute, defineStream } from './core'
import { loadSettings, sampling, timings, usage } from './sampling'

const id = z.string().min(1).max(100)
const collectionName = z.string().min(1).max(200)

export const searchMode = z.enum(['hybrid', 'dense', 'bm25'])
export type SearchMode = z.infer<typeof searchMode>

export const collectionSettings = z.object({
  /** Library id of the embedding model; changing it embeds again in the background while the old index answers. */
  embeddingModel: z.string().min(1).max(500).nullable().default(null),
  /** Library id of a cross-encoder, or null. */
  rerankModel: z.string().min(1).max(500).nullable().default(null),
  /** Tokens of the embedding model; null: its maximum less its special tokens. */
  chunkTokens: z.number().int().min(16).max(8192).nullable().default(null),
  chunkOverlap: z.number().int().min(0).max(4096).default(32),
  /** Weight of the dense ranking in the fusion; null: as measured on the collection. */
  denseWeight: z.number().min(0).max(1).nullable().default(null),
  /** Korean morphemes beside the two-character windows. */
  koreanMorphemes: z.boolean().default(false),
  vectorType: z.enum(['f32', 'int8']).default('f32'),
  /** Follow what changes in its folders while Moru runs. */
  watch: z.boolean().default(true),
})
export type CollectionSettings = z.infer<typeof collectionSettings>

/** How well the embedding model tells the collection's own passages apart, by language. */
export const separation = z.object({
  language: z.enum(['ko', 'en', 'other']),
  passages: z.number().int(),
  /** Share of probes whose own passage comes first. */
  hitAt1: z.number(),
  /** Weight given to the dense ranking because of it. */
  denseWeight: z.number(),
  warning: z.string().nullable(),
})

export const collection = z.object({
  id,
  name: collectionName,
  settings: collectionSettings,
  /** Folders and files it was made from and follows. */
  roots: z.array(z.string()),
  documents: z.number().int(),
  chunks: z.number().int(),
  sizeBytes: z.number(),
  /** Rises with every change of what can be found. */
  version: z.number().int(),
  dim: z.number().int().nullable(),
  /** hnsw from a size where it pays, with its recall measured on the collection. */
  vectorIndex: z.object({ kind: z.enum(['exact', 'hnsw']), recallAt10: z.number().nullable() }),
  separation: z.array(separation),
  /** Chunks that still lack a vector of the present model. */
  pendingChunks: z.number().int(),
  createdAt: z.number(),
  updatedAt: z.number(),
})
export type Collection = z.infer<typeof collection>

export const document = z.object({
  id,
  collectionId: id,
  path: z.string(),
  title: z.string(),
  type: z.string(),
  language: z.enum(['ko', 'en', 'other']),
  sizeBytes: z.number(),
  chunks: z.number().int(),
  state: z.enum(['indexed', 'pending', 'failed']),
  /** Why it failed. */
  reason: z.string().nullable(),
  changedAt: z.number(),
  indexedAt: z.number().nullable(),
})
export type Document = z.infer<typeof document>

export const searchFilter = z.object({
  documentIds: z.array(id).max(1000).optional(),
  pathContains: z.string().max(1000).optional(),
  types: z.array(z.string().max(50)).max(50).optional(),
  changedAfter: z.number().optional(),
  changedBefore: z.number().optional(),
})

/** Where a chunk lies in its document: offsets in UTF-16 units of the extracted text. */
export const sourcePlace = z.object({
  start: z.number().int(),
  end: z.number().int(),
  page: z.number().int().nullable(),
  headings: z.array(z.string()),
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
  /** Chunks before and after each hit to add to its text. */
  neighbours: z.number().int().min(0).max(5).default(0),
  filter: searchFilter.prefault({}),
})
export type SearchInput = z.output<typeof searchInput>

export const collectionsList = defineRoute('collections.list', { input: z.object({}), output: z.array(collection) })
export const collectionsCreate = defineRoute('collections.create', {
  input: z.object({ name: collectionName, settings: collectionSettings.partial().prefault({}) }),
  output: collection,
})
export const collectionsUpdate = defineRoute('collections.update', {
  input: z.object({ id, name: collectionName.optional(), settings: collectionSettings.partial().optional() }),
  output: collection,
})
export const collectionsRemove = defineRoute('collections.remove', { input: z.object({ id }), output: z.object({}) })
/** Adds files or folders on the host and indexes what is new or changed; the job reports skipped files with reasons. */
export const collectionsIndex = defineRoute('collections.index', {
  input: z.object({
    id,
    paths: z.array(z.string().min(1).max(4096)).max(1000).default([]),
    /** Sets the collection's setting; absent: as it is. */
    watch: z.boolean().optional(),
  }),
  output: z.object({ jobId: z.string() }),
})
/** Adds files whose bytes the window holds (drag and drop in a browser tab). */
export const collectionsUpload = defineRoute('collections.upload', {
  input: z.object({
    id,
    files: z
      .array(z.object({ name: z.string().min(1).max(500), base64: z.string().max(64_000_000) }))
      .min(1)
      .max(50),
  }),
  output: z.object({ jobId: z.string() }),
})
/** Adds a web page. Private and loopback addresses only with `allowPrivate`, an explicit yes of the person. */
export const collectionsAddPage = defineRoute('collections.addPage', {
  input: z.object({ id, url: z.url({ protocol: /^https?$/ }).max(4096), allowPrivate: z.boolean().default(false) }),
  output: z.object({ jobId: z.string() }),
})
export const documentsList = defineRoute('documents.list', {
  input: z.object({
    collectionId: id,
    search: z.string().max(500).default(''),
    offset: z.number().int().min(0).default(0),
    limit: z.number().int().min(1).max(1000).default(200),
  }),
  output: z.object({ total: z.number().int(), documents: z.array(document) }),
})
/** The extracted text with the ranges of its chunks, to show a citation at its place. */
export const documentsGet = defineRoute('documents.get', {
  input: z.object({ id }),
  output: z.object({ document, text: z.string(), chunks: z.array(z.object({ id, place: sourcePlace })) }),
})
export const documentsRemove = defineRoute('documents.remove', { input: z.object({ id }), output: z.object({}) })

export const searchRun = defineRoute('search.run', {
  input: searchInput,
  output: z.object({ hits: z.array(hit), timings: searchTimings, notes: z.array(z.string()) }),
})
/** A 2-D projection of the collection's embeddings. */
export const searchMap = defineRoute('search.map', {
  input: z.object({ collectionId: id, limit: z.number().int().min(1).max(20_000).default(5000) }),
  output: z.object({ points: z.array(z.object({ chunkId: id, documentId: id, x: z.number(), y: z.number() })) }),
})

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

/** Embeddings of texts, L2-normalised where the model says so. */
export const embedTexts = defineRoute('embed.texts', {
  input: z.object({
    model: z.string().max(4096).nullable(),
    texts: z.array(z.string().max(1_000_000)).min(1).max(10_000),
    kind: z.enum(['query', 'passage', 'plain']).default('plain'),
  }),
  output: z.object({ dim: z.number().int(), embeddings: z.array(z.array(z.number())), elapsedMs: z.number() }),
})

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
    unsupported: z.array(z.object({ start: z.number().int(), end: z.number().int() })),
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
    useCache: z.boolean().default(true),
    /** Also answers drawn at random (temperature above 0) come from the cache and go there. */
    cacheSampled: z.boolean().default(false),
    rerank: z.number().int().min(0).max(200).default(0),
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
