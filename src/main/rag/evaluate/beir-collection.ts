/** A corpus as a collection of its own, hidden from lists and kept in the profile, so that the next mode finds it ready. */
import { createHash } from 'node:crypto'
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { type KnownDocument } from '../../store'
import { type Block, languageOf, type ParsedDocument } from '../documents'
import { hiddenPrefix } from '../collection-service'
import { chunkRecipe, completeVectors, type IndexServices, prepareModel } from '../indexing/index-collection'
import { storePrepared } from '../indexing/index-files'
import { type ChunkRecipe, chunksOf, type Prepared } from '../indexing/prepare-document'
import { analyserFor } from '../search/terms'
import { contentOf, type CorpusDocument, corpusOf } from './beir'
import { type EvaluateInput, progressOf, type Report } from './evaluate-retrieval'

/** @returns the collection's id, with all documents in it, and their vectors where a mode needs them. */
export async function beirCollection(
  services: IndexServices,
  corpus: string,
  input: EvaluateInput,
  report: Report,
  signal: AbortSignal,
): Promise<string> {
  const { store, embeddings, search } = services
  const content = await contentOf(corpus, signal)
  const { embeddingModel, rerankModel, koreanMorphemes } = input
  const held = await embeddings.ensureEmbedder(embeddingModel, signal)
  try {
    const name = `${hiddenPrefix}${content.slice(0, 32)}:${held.key.slice(0, 16)}:${koreanMorphemes ? 'morphemes' : 'words'}`
    const settings = { embeddingModel, rerankModel, koreanMorphemes, watch: false }
    const known = store.collections.findByName(name)
    const { id } = known ?? store.collections.create(name, settings, analyserFor({ koreanMorphemes }))
    if (known) store.collections.update(id, { settings })
    const dense = input.modes.some(({ mode }) => mode !== 'bm25')
    const model = prepareModel(store, id, held)
    const vectors = dense ? { held, modelSeq: model.seq } : null
    const recipe = chunkRecipe(services, id, held)
    const onProgress = progressOf('index', await documentsIn(corpus, signal), report)
    await storePrepared(preparedCorpus(corpus, new Map(store.documents.known(id).map((d) => [d.path, d])), recipe, signal), {
      store, collectionId: id, vectors, signal, onProgress,
    }) // prettier-ignore
    if (dense) {
      const missing = store.collections.get(id).pendingChunks
      await completeVectors(services, id, held, model, signal, progressOf('index', missing, report))
    }
    if (rerankModel) (await embeddings.ensureEmbedder(rerankModel, signal)).release()
    await search.maintain(id, signal)
    return id
  } finally {
    held.release()
  }
}

async function documentsIn(corpus: string, signal: AbortSignal): Promise<number> {
  let count = 0
  for await (const { id } of corpusOf(corpus, signal)) if (id !== '') count++
  if (count === 0) throw new MoruError('invalid_file', `${corpus} holds no documents.`)
  return count
}

async function* preparedCorpus(
  corpus: string,
  known: ReadonlyMap<string, KnownDocument>,
  recipe: ChunkRecipe,
  signal: AbortSignal,
): AsyncGenerator<Prepared> {
  for await (const document of corpusOf(corpus, signal)) {
    throwIfCancelled(signal)
    const parsed = parsedOf(document)
    const contentHash = createHash('sha256').update(parsed.text).digest('hex')
    const sizeBytes = Buffer.byteLength(parsed.text)
    const there = known.get(document.id)
    const found = { path: document.id, sizeBytes, changedAt: 0 }
    if (there?.contentHash === contentHash) yield { kind: 'same', document: there, file: found }
    else {
      const file = { ...found, contentHash, title: document.title || document.id, type: 'text' }
      yield { kind: 'read', file, parsed, chunks: await chunksOf(parsed, recipe, signal) }
    }
  }
}

/** A corpus' text as the parser gives plain text: a paragraph a line. */
export function parsedOf({ title, text }: CorpusDocument): ParsedDocument {
  const whole = text.normalize('NFC').toWellFormed().replace(/\r\n?/g, '\n')
  const blocks: Block[] = [...whole.matchAll(/[^\n]*\S[^\n]*/g)].map(({ 0: line, index }) => ({
    kind: 'paragraph',
    start: index,
    end: index + line.length,
    page: null,
  }))
  return { title, type: 'text', language: languageOf(whole), text: whole, blocks, sourceMap: null, warnings: [] }
}
