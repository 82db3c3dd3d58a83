/** Collections: their settings, what is known of them, and what fills them. */
import { z } from 'zod'
import { defineRoute } from '../core'
import { id } from './common'

const collectionName = z.string().min(1).max(200)

const settingFields = z.object({
  /** Library id of the embedding model; changing it embeds again in the background while the old index answers. */
  embeddingModel: z.string().min(1).max(500).nullable(),
  /** Library id of a cross-encoder, or null. */
  rerankModel: z.string().min(1).max(500).nullable(),
  /** Tokens of the embedding model; null: its maximum less its special tokens. */
  chunkTokens: z.number().int().min(16).max(8192).nullable(),
  chunkOverlap: z.number().int().min(0).max(4096),
  /** Weight of the dense ranking in the fusion; null: as measured on the collection. */
  denseWeight: z.number().min(0).max(1).nullable(),
  /** Korean morphemes beside the two-character windows. */
  koreanMorphemes: z.boolean(),
  vectorType: z.enum(['f32', 'int8']),
  /** Follow what changes in its folders while Moru runs. */
  watch: z.boolean(),
})
const { shape } = settingFields
export const collectionSettings = z.object({
  embeddingModel: shape.embeddingModel.default(null),
  rerankModel: shape.rerankModel.default(null),
  chunkTokens: shape.chunkTokens.default(null),
  chunkOverlap: shape.chunkOverlap.default(32),
  denseWeight: shape.denseWeight.default(null),
  koreanMorphemes: shape.koreanMorphemes.default(false),
  vectorType: shape.vectorType.default('f32'),
  watch: shape.watch.default(true),
})
/** What is given and nothing else: a default would change what it is not about. */
const settingsPatch = settingFields.partial()
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

export const collectionsList = defineRoute('collections.list', { input: z.object({}), output: z.array(collection) })
export const collectionsCreate = defineRoute('collections.create', {
  input: z.object({ name: collectionName, settings: settingsPatch.prefault({}) }),
  output: collection,
})
export const collectionsUpdate = defineRoute('collections.update', {
  input: z.object({
    id,
    name: collectionName.optional(),
    settings: settingsPatch.optional(),
    /** Those of its folders and files that it goes on following; what came from the others goes. */
    roots: z.array(z.string().max(4096)).max(10_000).optional(),
  }),
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
      .max(1000),
  }),
  output: z.object({ jobId: z.string() }),
})
/** Adds a web page. Private and loopback addresses only with `allowPrivate`, an explicit yes of the person. */
export const collectionsAddPage = defineRoute('collections.addPage', {
  input: z.object({ id, url: z.url({ protocol: /^https?$/ }).max(4096), allowPrivate: z.boolean().default(false) }),
  output: z.object({ jobId: z.string() }),
})
