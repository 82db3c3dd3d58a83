/** Collections: made, changed, removed, and kept up to date with their files by jobs that take turns. */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Collection, type CollectionSettings, type Document } from '../../shared/contract/knowledge'
import { MoruError, throwIfCancelled, toMoruError } from '../../shared/errors'
import { type JobRunner, type JobWork, Turnstile } from '../jobs'
import { type CallRecorder } from '../trace'
import { type Store } from '../store'
import { type DocumentParser } from './documents'
import { type EmbeddingSource } from './embedding'
import { FolderWatch } from './indexing/folder-watch'
import { hasChanges, indexCollection, type IndexServices, type IndexTask } from './indexing/index-collection'
import { addPage, type PageRequest } from './indexing/index-page'
import { keepUploads, type Upload } from './indexing/uploads'
import { removeCollection } from './indexing/remove'
import { rootPath } from './indexing/walk'
import { type Search } from './search-port'
import { analyserFor } from './search/terms'

export interface CollectionServiceOptions {
  store: Store
  jobs: JobRunner
  parser: DocumentParser
  embeddings: EmbeddingSource
  search: Search
  tracer: CallRecorder
  /** Where uploaded files are kept. */
  uploadsFolder: string
  /** Told what goes wrong where nobody asked for the work. */
  onTrouble: (message: string) => void
  /** What was answered from a collection is forgotten with it. */
  onRemoved: (collectionId: string) => void
}

/** Collections that evaluations make for themselves are no one's to see. */
export const hiddenPrefix = 'evaluation:'
/** Nor those whose removal is under way: what they hold goes in portions. */
const removedPrefix = 'removed:'
const isHidden = (name: string) => [hiddenPrefix, removedPrefix].some((prefix) => name.startsWith(prefix))

export class CollectionService {
  readonly #options: CollectionServiceOptions
  readonly #turns = new Map<string, Turnstile>()
  readonly #jobs = new Map<string, Set<string>>()
  readonly #watches = new Map<string, FolderWatch>()
  readonly #closing = new AbortController()

  constructor(options: CollectionServiceOptions) {
    this.#options = options
    options.jobs.onRepeat('index', (parameters) => this.#indexJob(String(parameters.collectionId), true))
  }

  /** What a person made, by name. */
  list(): Collection[] {
    return this.#store.collections.list().filter(({ name }) => !isHidden(name))
  }

  /** @throws conflict when the name is taken, invalid_input for a reserved one. */
  create(name: string, settings: Partial<CollectionSettings>): Collection {
    refuseHidden(name)
    const analyser = analyserFor({ koreanMorphemes: settings.koreanMorphemes ?? false })
    return this.#store.collections.create(name, settings, analyser)
  }

  /** Changes name and settings; what is indexed is brought in line by a job, and answers as before until then. */
  update(id: string, patch: { name?: string; settings?: Partial<CollectionSettings>; roots?: string[] }): Collection {
    if (patch.name !== undefined) refuseHidden(patch.name)
    const before = this.#store.collections.get(id)
    const roots = patch.roots && before.roots.filter((root) => patch.roots?.includes(root))
    const after = this.#store.collections.update(id, { ...patch, roots })
    const leaves = after.roots.length < before.roots.length
    const changed = (...keys: (keyof CollectionSettings)[]) =>
      keys.some((key) => before.settings[key] !== after.settings[key])
    if (changed('chunkTokens', 'chunkOverlap')) this.#store.documents.markAllPending(id)
    if (changed('watch') || leaves) this.#watch(after)
    const affected = changed('embeddingModel', 'vectorType', 'chunkTokens', 'chunkOverlap', 'koreanMorphemes')
    if ((affected || leaves) && after.documents > 0) this.#indexJob(id, false)
    return after
  }

  /** Stops its work and forgets it with all that was made from it; the person's files stay. */
  async remove(id: string): Promise<void> {
    this.#store.collections.get(id)
    this.#watches.get(id)?.close()
    this.#watches.delete(id)
    for (const job of this.#jobs.get(id) ?? []) this.#options.jobs.cancel(job)
    // From here on it is gone for everyone, also when this is not finished before the program ends.
    this.#store.collections.update(id, { name: `${removedPrefix}${id}`, roots: [], settings: { watch: false } })
    await this.#turn(id).run(() => removeCollection(this.#store, id))
    await rm(this.#uploads(id), { recursive: true, force: true })
    this.#options.onRemoved(id)
  }

  /** Follows further files or folders and indexes what is new or changed in all of them. @returns the job's id. */
  async index(id: string, paths: readonly string[], watch?: boolean): Promise<string> {
    const added = await Promise.all(paths.map(rootPath))
    const { roots } = this.#store.collections.get(id)
    const settings = watch === undefined ? {} : { watch }
    const after = this.#store.collections.update(id, { roots: [...new Set([...roots, ...added])], settings })
    this.#watch(after)
    return this.#indexJob(id, true)
  }

  async upload(id: string, files: readonly Upload[]): Promise<string> {
    this.#store.collections.get(id)
    await keepUploads(this.#uploads(id), files)
    return this.#indexJob(id, false)
  }

  addPage(id: string, page: PageRequest): string {
    const { name } = this.#store.collections.get(id)
    const spec = { title: `${name}: ${page.url}`, parameters: { collectionId: id, ...page } }
    return this.#job(id, spec, (handle, signal) => addPage(this.#services, id, page, handle, signal))
  }

  removeDocument(documentId: string): void {
    const document: Document = this.#store.documents.get(documentId)
    this.#store.documents.remove(documentId)
    // A copy of ours goes with it; a file of the person's stays, and comes back when it changes.
    const folder = this.#uploads(document.collectionId)
    if (document.path === join(folder, basename(document.path))) void rm(document.path, { force: true })
  }

  /** At a start-up: looks for what changed meanwhile and for what was left half done, and follows the folders. */
  async resume(): Promise<void> {
    for (const { id, name } of this.#store.collections.list())
      if (name.startsWith(removedPrefix)) await removeCollection(this.#store, id)
    for (const collection of this.list()) {
      if (this.#closing.signal.aborted) return
      this.#watch(collection)
      await this.#lookAgain(collection.id).catch((thrown: unknown) =>
        this.#options.onTrouble(`${collection.name}: ${toMoruError(thrown).message}`),
      )
    }
  }

  /** Ends watching. Jobs are the runner's to end. */
  close(): void {
    this.#closing.abort()
    for (const watch of this.#watches.values()) watch.close()
    this.#options.parser.close()
  }

  get #store(): Store {
    return this.#options.store
  }

  get #services(): IndexServices {
    return this.#options
  }

  #uploads(id: string): string {
    return join(this.#options.uploadsFolder, id)
  }

  #task(id: string, retry: boolean): IndexTask {
    const { roots } = this.#store.collections.get(id)
    const own = this.#uploads(id)
    return { collectionId: id, roots: existsSync(own) ? [...roots, own] : roots, retry }
  }

  async #lookAgain(id: string): Promise<void> {
    const { settings } = this.#store.collections.get(id)
    const unfinished = this.#store.documents.known(id).some((document) => document.state === 'pending')
    if (!settings.watch && !unfinished) return
    const { signal } = this.#closing
    if (await hasChanges(this.#services, this.#task(id, false), signal)) this.#indexJob(id, false)
  }

  #watch({ id, name, roots, settings }: Collection): void {
    this.#watches.get(id)?.close()
    this.#watches.delete(id)
    if (!settings.watch || roots.length === 0 || this.#closing.signal.aborted) return
    const trouble = (root: string, error: Error) =>
      this.#options.onTrouble(`${name}: changes below ${root} go unnoticed until the next start: ${error.message}`)
    const look = () => void this.#lookAgain(id).catch((thrown: unknown) => this.#options.onTrouble(String(thrown)))
    this.#watches.set(id, new FolderWatch(roots, look, trouble))
  }

  #indexJob(id: string, retry: boolean): string {
    const { name } = this.#store.collections.get(id)
    return this.#job(id, { title: name, parameters: { collectionId: id } }, async (handle, signal) => ({
      ...(await indexCollection(this.#services, this.#task(id, retry), handle, signal)),
    }))
  }

  /** Work on one collection is done one after the other: two jobs would read the same files twice. */
  #job(id: string, spec: { title: string; parameters: Record<string, unknown> }, work: JobWork): string {
    const started = this.#options.jobs.start(
      { ...spec, kind: 'index', unit: 'documents', total: null },
      (handle, signal) =>
        this.#turn(id).run(() => {
          throwIfCancelled(signal)
          const attributes = { 'gen_ai.data_source.id': id, 'moru.run.id': handle.id }
          const input = () => [{ role: 'user' as const, content: spec.title }]
          return this.#services.tracer.run('index', { attributes, input }, () => work(handle, signal))
        }, signal),
    )
    const jobs = this.#jobs.get(id) ?? new Set()
    this.#jobs.set(id, jobs.add(started.id))
    void started.ended.then(() => jobs.delete(started.id))
    return started.id
  }

  #turn(id: string): Turnstile {
    const turn = this.#turns.get(id) ?? new Turnstile()
    this.#turns.set(id, turn)
    return turn
  }
}

function refuseHidden(name: string): void {
  if (isHidden(name))
    throw new MoruError('invalid_input', `Names that begin with "${hiddenPrefix}" or "${removedPrefix}" are reserved.`)
}
