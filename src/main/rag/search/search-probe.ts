/** Exact search and a graph over the same vectors in memory, as collections use them: for measuring. */
import { throwIfCancelled } from '../../../shared/errors'
import { GraphProcess } from './graph-process'
import { ScanThread } from './scan-thread'
import { VectorIndex } from './vector-index'

/** Vectors a message to the graph's process, so that a cancel takes effect. */
const batch = 250
const graph = 'probe'

export class SearchProbe {
  readonly #thread: ScanThread
  readonly #index: VectorIndex
  readonly #graphs: GraphProcess

  private constructor(thread: ScanThread, index: VectorIndex, graphs: GraphProcess) {
    this.#thread = thread
    this.#index = index
    this.#graphs = graphs
  }

  /**
   * @param rows unit vectors f32[count, dim], row by row. @param onProgress hears how many the graph holds.
   * @throws cancelled, internal when the graph's process dies; nothing stays then.
   */
  static async open(
    rows: Float32Array<ArrayBuffer>,
    dim: number,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<SearchProbe> {
    const count = rows.length / dim
    const thread = new ScanThread()
    const index = new VectorIndex({ seq: 1, key: 'probe', type: 'f32', dim, libraryId: null }, thread)
    const probe = new SearchProbe(thread, index, new GraphProcess())
    try {
      index.reserve(count)
      await probe.#graphs.ask({ kind: 'create', graph, dim })
      for (let first = 0; first < count; first += batch) {
        throwIfCancelled(signal)
        const vectors = rows.slice(first * dim, Math.min(count, first + batch) * dim)
        const keys = Float64Array.from({ length: vectors.length / dim }, (_, i) => first + i)
        index.add(
          Array.from(keys, (row, i) => ({
            seq: row + 1, chunkSeq: row, documentSeq: row, language: 'en' as const, scale: 1, data: Buffer.from(vectors.buffer, i * dim * 4, dim * 4),
          })),
        ) // prettier-ignore
        await probe.#graphs.ask({ kind: 'add', graph, keys, vectors })
        onProgress(Math.min(count, first + batch), count)
      }
      return probe
    } catch (error) {
      probe.close()
      throw error
    }
  }

  /** Numbers of the rows nearest to the query, nearest first. */
  async exact(query: Float32Array, limit: number): Promise<number[]> {
    return (await this.#index.search(query, limit, null)).map((match) => match.chunkSeq)
  }

  async graph(query: Float32Array, limit: number): Promise<number[]> {
    return Array.from((await this.#graphs.ask({ kind: 'search', graph, query, limit })).keys)
  }

  close(): void {
    this.#graphs.close()
    this.#thread.close()
  }
}
