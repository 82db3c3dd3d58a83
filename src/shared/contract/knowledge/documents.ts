/** The documents of a collection. */
import { z } from 'zod'
import { defineRoute } from '../core'
import { id, sourcePlace } from './common'

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
  /** What of it could not be read, though the rest is indexed. */
  warning: z.string().nullable(),
  changedAt: z.number(),
  indexedAt: z.number().nullable(),
})
export type Document = z.infer<typeof document>

export const documentsList = defineRoute('documents.list', {
  input: z.object({
    collectionId: id,
    search: z.string().max(500).default(''),
    /** Only documents in this state. */
    state: document.shape.state.nullable().default(null),
    offset: z.number().int().min(0).default(0),
    limit: z.number().int().min(1).max(1000).default(200),
  }),
  output: z.object({
    /** Of those that match. */
    total: z.number().int(),
    documents: z.array(document),
    /** All of the collection, by state. */
    states: z.record(document.shape.state, z.number().int()),
  }),
})
/** The extracted text with the ranges of its chunks, to show a citation at its place. */
export const documentsGet = defineRoute('documents.get', {
  input: z.object({ id }),
  output: z.object({ document, text: z.string(), chunks: z.array(z.object({ id, place: sourcePlace })) }),
})
export const documentsRemove = defineRoute('documents.remove', { input: z.object({ id }), output: z.object({}) })
/** The text of one file that is in no collection, to attach it to a message. */
export const documentsRead = defineRoute('documents.read', {
  input: z.object({ name: z.string().min(1).max(500), base64: z.string().max(64_000_000) }),
  output: z.object({
    text: z.string(),
    /** What could not be read although the rest could. */
    warnings: z.array(z.string()),
  }),
})
