/** Brings a collection up to date with its files, its settings and its embedding model: the work of an index job. */
import { type CollectionSettings } from '../../../shared/contract/knowledge'
import { type JobHandle } from '../../jobs'
import { type KnownDocument, normalText, type Store, type StoredVectorModel } from '../../store'
import { type CallRecorder, currentSpan, modelAttributes, step } from '../../trace'
import { type DocumentParser } from '../documents'
import { type EmbeddingSource, type HeldEmbedder } from '../embedding'
import { type Search } from '../search-port'
import { changesOf } from './changes'
import { fillVectors } from './fill-vectors'
import { indexFiles } from './index-files'
import { type ChunkRecipe } from './prepare-document'
import { forgetUnusedWords, removeDocuments } from './remove'
import { type FoundFile, type Skipped, walkRoots } from './walk'

export interface IndexServices {
  store: Store
  parser: DocumentParser
  embeddings: EmbeddingSource
  search: Search
  tracer: CallRecorder
}

/** What an index job answers. */
export interface IndexReport {
  /** In the collection, indexed. */
  documents: number
  chunks: number
  /** Read anew by this job. */
  indexed: number
  removed: number
  skipped: Skipped[]
  elapsedMs: number
}

export interface IndexTask {
  collectionId: string
  /** Folders and files to look at: all that the collection follows. */
  roots: readonly string[]
  /** Whether what failed for a passing reason is tried again. */
  retry: boolean
}

/** Rows of a report: more would be nobody's reading. */
const mostSkipped = 1000
/** Words are looked for that went with documents when so large a part of the documents changed. */
const worthTidying = 0.1

/** @throws cancelled, and what loading the embedding model throws; what is wrong with a file is a row of the report. */
export async function indexCollection(
  services: IndexServices,
  { collectionId, roots, retry }: IndexTask,
  handle: JobHandle,
  signal: AbortSignal,
): Promise<IndexReport> {
  const { store } = services
  const start = performance.now()
  const walked = await step('walk', {}, () => walkRoots(roots, signal))
  const known = store.documents.known(collectionId)
  const { files, removed } = changesOf(walked, known, retry)
  handle.progress(0, files.length)
  const gone = removed.map(({ id }) => id)
  if (gone.length > 0)
    await step('remove', { 'moru.index.removed': gone.length }, () => removeDocuments(store, gone, signal))
  const { settings } = store.collections.get(collectionId)
  let indexed = 0
  if (files.length > 0 || needsVectors(services, collectionId)) {
    const held = await services.embeddings.ensureEmbedder(settings.embeddingModel, signal)
    try {
      const model = prepareModel(store, collectionId, held)
      const recipe = chunkRecipe(services, collectionId, held)
      const { parser } = services
      const task = { store, parser, collectionId, vectors: { held, modelSeq: model.seq }, recipe, signal }
      currentSpan()?.set(modelAttributes(held.id))
      const onProgress = (done: number) => handle.progress(done)
      indexed = await step('embed', { 'moru.index.files': files.length }, () =>
        indexFiles(files, { ...task, onProgress }),
      )
      await step('vectors', {}, () => completeVectors(services, collectionId, held, model, signal, () => undefined))
    } finally {
      held.release()
    }
  }
  await step('maintain', {}, () => services.search.maintain(collectionId, signal))
  const replaced = replacedBy(files, known)
  if (gone.length + replaced > known.length * worthTidying)
    await forgetUnusedWords(store, store.collections.searchState(collectionId).seq, signal)
  return {
    ...reportOf(store, collectionId, walked.skipped),
    indexed,
    removed: gone.length,
    elapsedMs: performance.now() - start,
  }
}

/** How many of the files take the place of a document that had chunks. */
function replacedBy(files: readonly FoundFile[], known: readonly KnownDocument[]): number {
  const before = new Set(known.filter(({ state }) => state !== 'failed').map(({ path }) => path))
  return files.filter(({ path }) => before.has(normalText(path))).length
}

/** Whether chunks lack vectors, or those that there are come from another model than the settings name. */
function needsVectors(
  { store, embeddings }: Pick<IndexServices, 'store' | 'embeddings'>,
  collectionId: string,
): boolean {
  const { settings, model, nextModel } = store.collections.searchState(collectionId)
  const { pendingChunks, chunks } = store.collections.get(collectionId)
  if (chunks === 0) return false
  const wanted = settings.embeddingModel ?? embeddings.defaultEmbedderId()
  return pendingChunks > 0 || nextModel !== null || model?.libraryId !== wanted || model.type !== settings.vectorType
}

/**
 * Registers the model of the collection's settings; another one than answers now is prepared beside it. The first of a
 * collection answers from its first vector on.
 */
export function prepareModel(
  store: Store,
  collectionId: string,
  { id, key, embedder }: HeldEmbedder,
): StoredVectorModel {
  const state = store.collections.searchState(collectionId)
  const model = store.vectors.register({ key, type: state.settings.vectorType, dim: embedder.dim }, id)
  if (state.model?.seq === model.seq) {
    if (state.nextModel) store.vectors.prepareModel(state.seq, null)
    return model
  }
  if (state.nextModel?.seq !== model.seq) store.vectors.prepareModel(state.seq, model.seq)
  if (!state.model) store.vectors.activateModel(state.seq)
  return model
}

/** Gives every chunk a vector of `model`, and lets the model answer where it did not yet. */
export async function completeVectors(
  { store }: IndexServices,
  collectionId: string,
  held: HeldEmbedder,
  model: StoredVectorModel,
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<number> {
  const { seq } = store.collections.searchState(collectionId)
  const done = await fillVectors(store, seq, model.seq, held, signal, onProgress)
  if (store.collections.searchState(collectionId).nextModel?.seq === model.seq) store.vectors.activateModel(seq)
  return done
}

/** Tokens of a chunk: as set, but never more than the model reads of a passage. */
export function chunkTokens(settings: CollectionSettings, { embedder }: Pick<HeldEmbedder, 'embedder'>): number {
  const prefix = embedder.countTokens(embedder.settings.prefixes.passage)
  const room = Math.max(16, embedder.maxTokens - embedder.specialTokens - prefix)
  return Math.min(settings.chunkTokens ?? room, room)
}

export function chunkRecipe({ store, search }: IndexServices, collectionId: string, held: HeldEmbedder): ChunkRecipe {
  const { settings } = store.collections.get(collectionId)
  const maxTokens = chunkTokens(settings, held)
  return {
    maxTokens,
    overlap: Math.min(settings.chunkOverlap, Math.floor(maxTokens / 2)),
    countTokens: (text) => held.embedder.countTokens(text),
    terms: (texts, signal) => search.termsOf(collectionId, texts, signal),
  }
}

/** What failed or was read in part only is told each time, not only by the job that met it. */
function reportOf(store: Store, collectionId: string, skipped: Skipped[]) {
  const known = store.documents.known(collectionId)
  const failed = known.flatMap(({ path, reason, warning }) => {
    if (reason !== null) return [{ path, reason }]
    return warning === null ? [] : [{ path, reason: `Indexed, but not in full. ${warning}` }]
  })
  return {
    documents: known.filter((document) => document.state === 'indexed').length,
    chunks: store.collections.get(collectionId).chunks,
    skipped: [...failed, ...skipped].slice(0, mostSkipped),
  }
}

/** Whether anything below the roots waits to be done. */
export async function hasChanges(
  services: Pick<IndexServices, 'store' | 'embeddings'>,
  { collectionId, roots, retry }: IndexTask,
  signal: AbortSignal,
): Promise<boolean> {
  const known = services.store.documents.known(collectionId)
  const { files, removed } = changesOf(await walkRoots(roots, signal), known, retry)
  return files.length > 0 || removed.length > 0 || needsVectors(services, collectionId)
}
