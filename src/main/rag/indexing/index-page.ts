/** A web page into a collection: fetched, parsed in a child as any other document, stored under its address. */
import { createHash } from 'node:crypto'
import { type JobHandle } from '../../jobs'
import { fetchPage } from '../documents'
import { chunkRecipe, completeVectors, type IndexServices, prepareModel } from './index-collection'
import { chunksOf } from './prepare-document'

export interface PageRequest {
  url: string
  /** A person said yes to addresses of this machine and its network. */
  allowPrivate: boolean
}

/** @throws what fetching, parsing and embedding throw: the page is whole in the collection or not there. */
export async function addPage(
  services: IndexServices,
  collectionId: string,
  { url, allowPrivate }: PageRequest,
  handle: JobHandle,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const { store, parser, embeddings, search } = services
  handle.progress(0, 1)
  const page = await fetchPage(url, { allowPrivate, signal })
  const { bytes, name, contentType } = page
  const parsed = await parser.parseDocument({ bytes, name, contentType }, {}, signal)
  const { settings } = store.collections.get(collectionId)
  const held = await embeddings.ensureEmbedder(settings.embeddingModel, signal)
  try {
    const model = prepareModel(store, collectionId, held)
    const chunks = await chunksOf(parsed, chunkRecipe(services, collectionId, held), signal)
    const file = {
      // As asked for: the same address again replaces the page, wherever it leads by then.
      path: url,
      title: parsed.title,
      type: parsed.type,
      sizeBytes: bytes.length,
      changedAt: Date.now(),
      contentHash: createHash('sha256').update(bytes).digest('hex'),
    }
    const { id } = store.documents.save(collectionId, file, { ...parsed, chunks })
    await completeVectors(services, collectionId, held, model, signal, () => undefined)
    await search.maintain(collectionId, signal)
    handle.progress(1)
    return { documentId: id, url: page.url, chunks: chunks.length }
  } finally {
    held.release()
  }
}
