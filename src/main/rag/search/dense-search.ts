/** Nearest vectors of one or more collections, each model's as one ranking: by graph where one is ready, else exactly. */
import { totalmem } from 'node:os'
import { type SearchState, type Store, type StoredVector, type StoredVectorModel } from '../../store'
import { ScanThread } from './scan-thread'
import { Shelf } from './shelf'
import { type SearchedCollection } from './text-search'
import { VectorGraphs } from './vector-graphs'
import { VectorIndex, type VectorMatch } from './vector-index'

export interface DenseRanking {
  /** Nearest first. */
  matches: (VectorMatch & { collection: SearchState })[]
}

/** Memory for vectors: a quarter of the machine's, 4 GB at most. One collection in use may take more. */
const budgetBytes = Math.min(4 * 2 ** 30, totalmem() / 4)

export class DenseSearch {
  readonly #store: Store
  readonly #thread = new ScanThread()
  readonly #shelf = new Shelf<StoredVector, VectorIndex>(budgetBytes)
  readonly graphs: VectorGraphs

  /** @param graphsFolder where the graphs' files are kept. */
  constructor(store: Store, graphsFolder: string) {
    this.#store = store
    this.graphs = new VectorGraphs(store, graphsFolder)
  }

  /** @param queries the query's vector by embedding_model.seq; collections of other models are left out. */
  async search(
    collections: readonly SearchedCollection[],
    queries: ReadonlyMap<number, Float32Array>,
    limit: number,
  ): Promise<DenseRanking[]> {
    const byModel = new Map<string, DenseRanking>()
    for (const { state, documents } of collections) {
      const query = state.model && queries.get(state.model.seq)
      if (!state.model || !query) continue
      const ranking = byModel.get(state.model.key) ?? { matches: [] }
      byModel.set(state.model.key, ranking)
      const found = await this.#nearest(state, state.model, query, limit, documents)
      ranking.matches.push(...found.map((match) => ({ ...match, collection: state })))
    }
    for (const ranking of byModel.values())
      ranking.matches = ranking.matches.sort((a, b) => b.score - a.score).slice(0, limit)
    return [...byModel.values()]
  }

  /** The collection's vectors in memory, as they are now. */
  open({ id, seq }: SearchState, model: StoredVectorModel): Promise<VectorIndex> {
    const { vectors, collections } = this.#store
    return this.#shelf.open({
      key: `${seq}/${model.seq}`,
      version: () => collections.searchState(id).version,
      create: () => {
        const index = new VectorIndex(model, this.#thread)
        index.reserve(vectors.count(seq, model.seq))
        return index
      },
      page: (after, limit) => vectors.page(seq, model.seq, after, limit),
      seqs: () => vectors.seqs(seq, model.seq),
    })
  }

  close(): void {
    this.#thread.close()
    this.graphs.close()
  }

  async #nearest(
    state: SearchState,
    model: StoredVectorModel,
    query: Float32Array,
    limit: number,
    documents: ReadonlySet<number> | null,
  ): Promise<VectorMatch[]> {
    // A graph cannot be told which documents to look in, and finds little where few of many are meant.
    const found = documents === null ? await this.graphs.search(state, model, query, limit) : null
    return found ?? (await this.open(state, model)).search(query, limit, documents)
  }
}
