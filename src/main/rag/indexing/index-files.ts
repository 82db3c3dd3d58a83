/** Files into a collection: parsed ahead in child processes, embedded many at a time, stored one by one. */
import { throwIfCancelled } from '../../../shared/errors'
import { type KnownDocument, normalText, type Store } from '../../store'
import { type DocumentParser } from '../documents'
import { type HeldEmbedder } from '../embedding'
import { type ChunkRecipe, prepareFile, type Prepared } from './prepare-document'
import { type FoundFile } from './walk'

type Read = Extract<Prepared, { kind: 'read' }>

export interface StoreTask {
  store: Store
  collectionId: string
  /** What gives the chunks their vectors, and embedding_model.seq of what they are stored as; null: they come later. */
  vectors: { held: HeldEmbedder; modelSeq: number } | null
  signal: AbortSignal
  /** So many of the files are done. */
  onProgress: (done: number) => void
}

export interface IndexFiles extends StoreTask {
  parser: DocumentParser
  recipe: ChunkRecipe
}

/** Files being read at the same time: enough to keep the parsers busy, few enough for any sizes. */
const ahead = 4
/** Documents are embedded together until they have so many chunks; then as many as take about a second. */
const firstAtOnce = 8
const mostAtOnce = 256
/** Longer documents are stored at once and get their vectors afterwards, so that a crash does not cost hours. */
const mostChunksAtOnce = 512

/** @returns how many documents were read anew. Documents are whole in the collection or not there; nothing is done twice. */
export function indexFiles(files: readonly FoundFile[], task: IndexFiles): Promise<number> {
  const known = new Map(task.store.documents.known(task.collectionId).map((document) => [document.path, document]))
  return storePrepared(preparedFiles(files, known, task), task)
}

/** Embeds and stores documents as they come. */
export async function storePrepared(documents: AsyncIterable<Prepared>, task: StoreTask): Promise<number> {
  const waiting = new Batch(task)
  let done = 0
  let read = 0
  for await (const prepared of documents) {
    throwIfCancelled(task.signal)
    if (prepared.kind === 'read') {
      read++
      await waiting.add(prepared)
    } else {
      storeVerdict(prepared, task)
      done++
    }
    task.onProgress(done + waiting.stored)
  }
  await waiting.flush()
  task.onProgress(done + waiting.stored)
  return read
}

async function* preparedFiles(
  files: readonly FoundFile[],
  known: ReadonlyMap<string, KnownDocument>,
  { parser, recipe, signal }: IndexFiles,
): AsyncGenerator<Prepared> {
  const running: Promise<Prepared>[] = []
  let next = 0
  const start = () => {
    const file = files[next++]
    const one = prepareFile(parser, file, known.get(normalText(file.path)), recipe, signal)
    // Whoever leaves the loop does not wait for these.
    one.catch(() => undefined)
    running.push(one)
  }
  while (next < files.length || running.length > 0) {
    while (next < files.length && running.length < ahead) start()
    yield await running.shift()!
  }
}

function storeVerdict(prepared: Exclude<Prepared, Read>, { store, collectionId }: StoreTask): void {
  if (prepared.kind === 'failed') store.documents.saveFailure(collectionId, prepared.file, prepared.reason)
  else store.documents.touch(prepared.document.id, prepared.file)
}

/** Documents that wait to be embedded together. */
class Batch {
  stored = 0
  readonly #task: StoreTask
  #documents: Read[] = []
  #chunks = 0
  #atOnce = firstAtOnce

  constructor(task: StoreTask) {
    this.#task = task
  }

  async add(document: Read): Promise<void> {
    if (document.chunks.length > mostChunksAtOnce) return this.#store(document)
    this.#documents.push(document)
    this.#chunks += document.chunks.length
    if (this.#chunks >= this.#atOnce) await this.flush()
  }

  async flush(): Promise<void> {
    const { vectors, signal } = this.#task
    const documents = this.#documents
    this.#documents = []
    this.#chunks = 0
    if (vectors) await this.#embed(documents, vectors)
    for (const document of documents) {
      throwIfCancelled(signal)
      this.#store(document)
    }
  }

  async #embed(documents: readonly Read[], { held, modelSeq }: NonNullable<StoreTask['vectors']>): Promise<void> {
    const chunks = documents.flatMap((document) => document.chunks)
    const texts = chunks.map((chunk) => chunk.text)
    const start = performance.now()
    const values = await held.embedder.embed(texts, { kind: 'passage', signal: this.#task.signal })
    const perSecond = (chunks.length * 1000) / Math.max(1, performance.now() - start)
    if (chunks.length > 0) this.#atOnce = Math.min(mostAtOnce, Math.max(firstAtOnce, perSecond))
    chunks.forEach((chunk, i) => (chunk.vectors = [{ model: modelSeq, values: values[i] }]))
  }

  #store({ file, parsed, chunks }: Read): void {
    const { store, collectionId } = this.#task
    store.documents.save(collectionId, file, { ...parsed, chunks })
    this.stored++
  }
}
