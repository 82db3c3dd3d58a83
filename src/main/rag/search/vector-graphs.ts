/**
 * HNSW graphs of large collections: built and extended in a child process, saved aside and renamed, measured against exact
 * search. A graph answers only while it holds exactly the vectors that the collection has; else exact search does.
 */
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { throwIfCancelled } from '../../../shared/errors'
import { floatsOf, type SearchState, type Store, type StoredVectorModel } from '../../store'
import { GraphProcess } from './graph-process'
import { type VectorIndex, type VectorMatch } from './vector-index'

/**
 * From so many vectors a graph is made. Measured with 384 numbers on two cores: exact search takes 6 ms there and grows
 * with the collection, a graph under 1 ms; below, nobody notices, and building costs minutes of a core and 1 KB a vector.
 */
export const graphFromVectors = 50_000
/** A graph that finds less of what exact search finds is not used. */
const leastRecall = 0.95
/** Vectors a message: about half a second of building on a busy machine, so that a cancel takes effect. */
const batch = 250
const measuredQueries = 100

interface OpenGraph {
  /** The process that it is open in. */
  generation: number
  keys: Set<number>
  /** Version of the collection whose vectors it holds; null: not compared yet, or others. */
  version: number | null
}

export class VectorGraphs {
  readonly #store: Store
  readonly #folder: string
  readonly #fromVectors: number
  readonly #process = new GraphProcess()
  readonly #open = new Map<string, OpenGraph>()
  readonly #loading = new Map<string, Promise<OpenGraph | null>>()
  #turn: Promise<unknown> = Promise.resolve()

  /** @param fromVectors so many vectors a collection has a graph from. */
  constructor(store: Store, folder: string, fromVectors = graphFromVectors) {
    this.#store = store
    this.#folder = folder
    this.#fromVectors = fromVectors
  }

  /** The nearest vectors; null where no graph is ready for it, whatever the reason: exact search answers then. */
  async search(
    state: SearchState,
    model: StoredVectorModel,
    query: Float32Array,
    limit: number,
  ): Promise<VectorMatch[] | null> {
    const stored = this.#store.vectors.graph(state.seq, model.seq)
    if (!stored || query.length !== model.dim) return null
    try {
      const graph = await this.#ensure(state, model, stored.file)
      if (!graph || !this.#holdsAll(graph, state, model)) return null
      const reply = await this.#process.ask({ kind: 'search', graph: nameOf(state, model), query, limit })
      return Array.from(reply.keys).flatMap((rowSeq, i) => {
        const row = this.#store.vectors.find(rowSeq)
        const score = reply.scores?.[i] ?? 0
        return row ? [{ rowSeq, chunkSeq: row.chunkSeq, documentSeq: row.documentSeq, score }] : []
      })
    } catch {
      // The child died or refused: what was open in it is gone. Exact search is slower, and right.
      this.#open.delete(nameOf(state, model))
      return null
    }
  }

  /**
   * Brings a collection's graph in line with its vectors, or makes one where it pays from now on. One at a time.
   * @param exact opens the vectors in memory, to measure the recall. @returns whether there is a graph now.
   * @throws cancelled; internal or invalid_file when the child cannot do it.
   */
  maintain(
    state: SearchState,
    model: StoredVectorModel,
    exact: () => Promise<VectorIndex>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const result = this.#turn.then(() => this.#maintain(state, model, exact, signal))
    this.#turn = result.catch(() => undefined)
    return result
  }

  close(): void {
    this.#process.close()
  }

  async #maintain(
    state: SearchState,
    model: StoredVectorModel,
    exact: () => Promise<VectorIndex>,
    signal: AbortSignal,
  ): Promise<boolean> {
    throwIfCancelled(signal)
    this.#removeLeftOvers()
    const { vectors } = this.#store
    const name = nameOf(state, model)
    if (vectors.count(state.seq, model.seq) < this.#fromVectors) {
      vectors.removeGraph(state.seq, model.seq)
      if (this.#open.delete(name) && this.#process.running) await this.#process.ask({ kind: 'close', graph: name })
      return false
    }
    const stored = vectors.graph(state.seq, model.seq)
    const graph = stored && (await this.#ensure(state, model, stored.file).catch(() => null))
    if (stored && graph && this.#holdsAll(graph, state, model)) return true
    // Under another name: the present graph may be loaded again meanwhile.
    const building = `${name}+`
    try {
      const { version } = this.#store.collections.searchState(state.id)
      const keys = await this.#fill(
        building,
        state,
        model,
        stored && graph ? { ...graph, file: stored.file } : null,
        signal,
      )
      const recallAt10 = await this.#measure(building, await exact(), state, model, signal)
      if (recallAt10 < leastRecall) {
        vectors.removeGraph(state.seq, model.seq)
        return false
      }
      const file = await this.#save(building)
      await this.#process.ask({ kind: 'rename', graph: building, to: name })
      vectors.saveGraph(state.seq, model.seq, { file, vectors: keys.size, recallAt10 })
      this.#open.set(name, { generation: this.#process.generation, keys, version })
    } finally {
      if (this.#process.running) await this.#process.ask({ kind: 'close', graph: building }).catch(() => undefined)
      this.#removeLeftOvers()
    }
    return true
  }

  /** A graph of all vectors: the present one with what it lacks, or one begun anew where much is gone. @returns its keys. */
  async #fill(
    building: string,
    state: SearchState,
    model: StoredVectorModel,
    present: (OpenGraph & { file: string }) | null,
    signal: AbortSignal,
  ): Promise<Set<number>> {
    const seqs = this.#store.vectors.seqs(state.seq, model.seq)
    const wanted = new Set(seqs)
    const gone = present ? [...present.keys].filter((key) => !wanted.has(key)) : []
    // Removed vectors leave holes that cost recall.
    const extended = present !== null && gone.length * 4 < present.keys.size ? present : null
    const dim = model.dim
    if (extended) {
      await this.#process.ask({ kind: 'load', graph: building, dim, folder: join(this.#folder, extended.file) })
      await this.#process.ask({ kind: 'remove', graph: building, keys: Float64Array.from(gone) })
    } else await this.#process.ask({ kind: 'create', graph: building, dim })
    const fresh = extended ? seqs.filter((key) => !extended.keys.has(key)) : seqs
    for (let i = 0; i < fresh.length; i += batch) {
      throwIfCancelled(signal)
      await this.#add(building, model, fresh.slice(i, i + batch), wanted)
    }
    return wanted
  }

  async #add(name: string, model: StoredVectorModel, seqs: readonly number[], wanted: Set<number>): Promise<void> {
    const rows = seqs.flatMap((seq) => this.#store.vectors.find(seq) ?? [])
    if (rows.length < seqs.length) {
      const found = new Set(rows.map((row) => row.seq))
      for (const seq of seqs) if (!found.has(seq)) wanted.delete(seq)
    }
    const vectors = new Float32Array(rows.length * model.dim)
    rows.forEach((row, i) => vectors.set(floatsOf(row, model), i * model.dim))
    const keys = Float64Array.from(rows, (row) => row.seq)
    await this.#process.ask({ kind: 'add', graph: name, keys, vectors })
  }

  /** The share of the ten nearest that the graph finds, for vectors of the collection, themselves left out. */
  async #measure(
    name: string,
    exact: VectorIndex,
    state: SearchState,
    model: StoredVectorModel,
    signal: AbortSignal,
  ): Promise<number> {
    const seqs = this.#store.vectors.seqs(state.seq, model.seq)
    const step = Math.max(1, Math.floor(seqs.length / measuredQueries))
    let same = 0
    let all = 0
    for (let i = 0; i < seqs.length; i += step) {
      throwIfCancelled(signal)
      const row = this.#store.vectors.find(seqs[i])
      if (!row) continue
      const query = floatsOf(row, model)
      const expected = (await exact.search(query, 11, null)).filter((match) => match.rowSeq !== row.seq).slice(0, 10)
      const reply = await this.#process.ask({ kind: 'search', graph: name, query, limit: 11 })
      const found = new Set(reply.keys)
      same += expected.filter((match) => found.has(match.rowSeq)).length
      all += expected.length
    }
    return all === 0 ? 0 : same / all
  }

  async #save(name: string): Promise<string> {
    const file = randomUUID()
    const aside = join(this.#folder, `${file}.partial`)
    mkdirSync(aside, { recursive: true })
    await this.#process.ask({ kind: 'save', graph: name, folder: aside })
    renameSync(aside, join(this.#folder, file))
    return file
  }

  /** The stored graph, loaded in the child that runs now; null where its file is broken, which is forgotten then. */
  async #ensure(state: SearchState, model: StoredVectorModel, file: string): Promise<OpenGraph | null> {
    const name = nameOf(state, model)
    const open = this.#open.get(name)
    if (open && this.#process.running && open.generation === this.#process.generation) return open
    const loading = this.#loading.get(name) ?? this.#load(state, model, file).finally(() => this.#loading.delete(name))
    this.#loading.set(name, loading)
    return loading
  }

  async #load(state: SearchState, model: StoredVectorModel, file: string): Promise<OpenGraph | null> {
    const name = nameOf(state, model)
    const folder = join(this.#folder, file)
    try {
      const { keys } = await this.#process.ask({ kind: 'load', graph: name, dim: model.dim, folder })
      const graph: OpenGraph = { generation: this.#process.generation, keys: new Set(keys), version: null }
      this.#open.set(name, graph)
      return graph
    } catch {
      // It is made again with the next change of the collection.
      this.#store.vectors.removeGraph(state.seq, model.seq)
      return null
    }
  }

  #holdsAll(graph: OpenGraph, { id, seq }: SearchState, model: StoredVectorModel): boolean {
    const { version } = this.#store.collections.searchState(id)
    if (graph.version === version) return true
    const present = this.#store.vectors.seqs(seq, model.seq)
    if (present.length !== graph.keys.size || !present.every((key) => graph.keys.has(key))) return false
    graph.version = version
    return true
  }

  #removeLeftOvers(): void {
    if (!existsSync(this.#folder)) return
    const used = new Set(this.#store.vectors.graphFiles())
    for (const name of readdirSync(this.#folder))
      if (!used.has(name)) rmSync(join(this.#folder, name), { recursive: true, force: true })
  }
}

const nameOf = (state: SearchState, model: StoredVectorModel) => `${state.seq}/${model.seq}`
