/**
 * HNSW against exact search, in turns within one run: build, file, time and recall@10.
 *
 *   node bench/run.mjs vector-graph [--count 100000] [--dim 384] [--queries 200]
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { GraphProcess } from '../src/main/rag/search/graph-process'
import { ScanThread } from '../src/main/rag/search/scan-thread'
import { VectorIndex } from '../src/main/rag/search/vector-index'
import { clusteredVectors } from '../src/main/bench/clustered-vectors'

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    dim: { type: 'string', default: '384' },
    queries: { type: 'string', default: '200' },
  },
})
const count = Number(options.count)
const dim = Number(options.dim)
const { rows, queries } = clusteredVectors({ count, dim, centres: 1000, noise: 0.3, seed: 1 }, Number(options.queries))

const thread = new ScanThread()
const exact = new VectorIndex({ seq: 1, key: 'bench', type: 'f32', dim, libraryId: null }, thread)
exact.reserve(count)
for (let i = 0; i < count; i++) {
  const data = Buffer.from(rows.buffer, i * dim * 4, dim * 4)
  exact.add([{ seq: i + 1, chunkSeq: i + 1, documentSeq: i, language: 'en', scale: 1, data }])
}

const graphs = new GraphProcess()
const folder = mkdtempSync(join(tmpdir(), 'moru-graph-'))
const median = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1]
try {
  let started = performance.now()
  await graphs.ask({ kind: 'create', graph: 'g', dim })
  for (let i = 0; i < count; i += 1000) {
    const to = Math.min(count, i + 1000)
    const keys = Float64Array.from({ length: to - i }, (_, k) => i + k + 1)
    await graphs.ask({ kind: 'add', graph: 'g', keys, vectors: rows.slice(i * dim, to * dim) })
  }
  console.log(`build ${((performance.now() - started) / 1000).toFixed(1)} s`)
  await graphs.ask({ kind: 'save', graph: 'g', folder })
  const size = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  started = performance.now()
  await graphs.ask({ kind: 'load', graph: 'g', dim, folder })
  console.log(`file ${(size / 1e6).toFixed(0)} MB, load ${(performance.now() - started).toFixed(0)} ms`)

  const times = { exact: [] as number[], graph: [] as number[] }
  let same = 0
  for (const query of queries) {
    started = performance.now()
    const expected = await exact.search(query, 10, null)
    times.exact.push(performance.now() - started)
    started = performance.now()
    const found = new Set((await graphs.ask({ kind: 'search', graph: 'g', query, limit: 10 })).keys)
    times.graph.push(performance.now() - started)
    same += expected.filter((match) => found.has(match.rowSeq)).length
  }
  const [a, b] = [median(times.graph), median(times.exact)]
  console.log(
    `${count} x ${dim}: graph ${a.toFixed(2)} ms, exact ${b.toFixed(2)} ms, ratio ${(a / b).toFixed(3)}; ` +
      `recall@10 ${(same / (10 * queries.length)).toFixed(4)}`,
  )
} finally {
  graphs.close()
  thread.close()
  rmSync(folder, { recursive: true, force: true })
}
