/**
 * Exact search: the scan of Moru against sqlite-vec, in turns within one run, f32 and int8.
 *
 *   node bench/run.mjs vector-scan [--count 100000] [--dim 384] [--queries 20]
 */
import { parseArgs } from 'node:util'
import Sqlite from 'better-sqlite3'
import { load } from 'sqlite-vec'
import { ScanThread } from '../src/main/rag/search/scan-thread'
import { VectorIndex } from '../src/main/rag/search/vector-index'
import { quantizeVector } from '../src/main/store/vectors'
import { clusteredVectors } from '../src/main/bench/clustered-vectors'

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    dim: { type: 'string', default: '384' },
    queries: { type: 'string', default: '20' },
  },
})
const count = Number(options.count)
const dim = Number(options.dim)
const { rows, queries } = clusteredVectors({ count, dim, centres: 1000, noise: 0.3, seed: 1 }, Number(options.queries))
const row = (i: number) => rows.subarray(i * dim, (i + 1) * dim)
const bytesOf = (v: Float32Array | Int8Array) => Buffer.from(v.buffer, v.byteOffset, v.byteLength)

function sqliteVec(type: 'f32' | 'int8') {
  const db = new Sqlite(':memory:')
  load(db)
  db.exec(`CREATE VIRTUAL TABLE v USING vec0(e ${type === 'f32' ? 'float' : 'int8'}[${dim}])`)
  const value = type === 'f32' ? '?' : 'vec_int8(?)'
  const insert = db.prepare(`INSERT INTO v (rowid, e) VALUES (?, ${value})`)
  const encode = (v: Float32Array) => bytesOf(type === 'f32' ? v : quantizeVector(v).data)
  db.transaction(() => {
    for (let i = 0; i < count; i++) insert.run(BigInt(i), encode(row(i)))
  })()
  const select = db.prepare(`SELECT rowid FROM v WHERE e MATCH ${value} ORDER BY distance LIMIT 10`).pluck()
  return (query: Float32Array) => select.all(encode(query)) as number[]
}

const thread = new ScanThread()
function own(type: 'f32' | 'int8') {
  const index = new VectorIndex({ seq: 1, key: 'bench', type, dim, libraryId: null }, thread)
  index.reserve(count)
  for (let i = 0; i < count; i++) {
    const { scale, data } = type === 'f32' ? { scale: 1, data: row(i) } : quantizeVector(row(i))
    index.add([{ seq: i + 1, chunkSeq: i, documentSeq: i, language: 'en', scale, data: bytesOf(data) }])
  }
  return async (query: Float32Array) => (await index.search(query, 10, null)).map((match) => match.chunkSeq)
}

const median = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1]

/** What sqlite-vec finds over f32: the measure for both types. */
const nearest: number[][] = []
for (const type of ['f32', 'int8'] as const) {
  const theirs = sqliteVec(type)
  const ours = own(type)
  const times = { theirs: [] as number[], ours: [] as number[] }
  let same = 0
  for (const [i, query] of queries.entries()) {
    let started = performance.now()
    const theirFound = theirs(query)
    times.theirs.push(performance.now() - started)
    started = performance.now()
    const found = await ours(query)
    times.ours.push(performance.now() - started)
    nearest[i] ??= theirFound
    same += found.filter((chunk) => nearest[i].includes(chunk)).length
  }
  const [a, b] = [median(times.ours), median(times.theirs)]
  console.log(
    `${type.padEnd(4)} ${count} x ${dim}: own scan ${a.toFixed(1)} ms, sqlite-vec ${b.toFixed(1)} ms, ` +
      `ratio ${(a / b).toFixed(2)}; ${((100 * same) / (10 * queries.length)).toFixed(1)} % of the ten nearest found`,
  )
}
thread.close()
