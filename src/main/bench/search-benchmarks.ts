/** Nearest vectors, exactly and by a graph, among vectors that lie as embeddings do. The processor does it, not the device. */
import { SearchProbe } from '../rag'
import { type Benchmark } from './benchmark'
import { clusteredVectors } from './clustered-vectors'

const dim = 384
const queriesTimed = 50
const nearest = 10
/** What a graph has to look at: its candidates while searching times the links of each on the lowest layer, as f16. */
const graphBytes = 64 * 32 * dim * 2

export interface SearchBenchmarks {
  benchmarks: Benchmark[]
  close(): void
}

/** Throws cancelled, and what the graph's process throws; nothing stays then. */
export async function searchBenchmarks(
  count: number,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<SearchBenchmarks> {
  const { rows, queries } = clusteredVectors({ count, dim, centres: 1000, noise: 0.3, seed: 1 }, queriesTimed)
  const probe = await SearchProbe.open(rows, dim, onProgress, signal)
  const read = new HostRead()
  const timed = (search: (query: Float32Array) => Promise<unknown>) => async () => {
    read.measure()
    const times: number[] = []
    for (const query of queries) {
      const start = performance.now()
      await search(query)
      times.push(performance.now() - start)
    }
    return times.sort((a, b) => a - b)[times.length >> 1]
  }
  const recallAt10 = await recallOf(probe, queries)
  const bytes = count * dim * 4
  return {
    close: () => probe.close(),
    benchmarks: [
      {
        name: 'search_exact',
        unit: 'ms',
        amount: 1,
        work: { leastMs: () => read.millisecondsFor(bytes) },
        measure: timed((query) => probe.exact(query, nearest)),
      },
      {
        name: 'search_hnsw',
        unit: 'ms',
        amount: 1,
        work: { leastMs: () => read.millisecondsFor(graphBytes) },
        measure: timed((query) => probe.graph(query, nearest)),
        recallAt10,
      },
    ],
  }
}

async function recallOf(probe: SearchProbe, queries: readonly Float32Array[]): Promise<number> {
  let same = 0
  for (const query of queries) {
    const found = new Set(await probe.graph(query, nearest))
    same += (await probe.exact(query, nearest)).filter((row) => found.has(row)).length
  }
  return same / (nearest * queries.length)
}

/** How fast one core reads memory that no cache holds: a byte that is not there is looked for. */
class HostRead {
  readonly #bytes = Buffer.alloc(128 << 20, 1)
  #leastMs = Infinity

  measure(): void {
    const start = performance.now()
    this.#bytes.indexOf(2)
    this.#leastMs = Math.min(this.#leastMs, performance.now() - start)
  }

  millisecondsFor(bytes: number): number {
    return (this.#leastMs * bytes) / this.#bytes.length
  }
}
