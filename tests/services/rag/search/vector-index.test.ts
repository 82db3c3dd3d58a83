import { afterAll, describe, expect, it } from 'vitest'
import { ScanThread } from '../../../../src/main/rag/search/scan-thread'
import { VectorIndex } from '../../../../src/main/rag/search/vector-index'
import { quantizeVector, type StoredVector } from '../../../../src/main/store'
import { clusteredVectors } from '../../../../src/main/bench/clustered-vectors'

const thread = new ScanThread()
afterAll(() => thread.close())

const bytesOf = (v: Float32Array | Int8Array) => Buffer.from(v.buffer, v.byteOffset, v.byteLength)
function rowsOf(rows: Float32Array, dim: number, type: 'f32' | 'int8'): StoredVector[] {
  return Array.from({ length: rows.length / dim }, (_, i) => {
    const values = rows.subarray(i * dim, (i + 1) * dim)
    const { scale, data } = type === 'f32' ? { scale: 1, data: values } : quantizeVector(values)
    return { seq: i + 1, chunkSeq: i + 1, documentSeq: i % 10, language: 'en', scale, data: bytesOf(data) }
  })
}
function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

describe.each(['f32', 'int8'] as const)('exact search over %s', (type) => {
  // 50 is no multiple of any vector register; 12,000 f32 rows of 384 go to the thread.
  it.each([
    [200, 50],
    [12_000, 384],
  ])('finds the nearest of %i vectors of %i', async (count, dim) => {
    const { rows, queries } = clusteredVectors({ count, dim, centres: 20, noise: 0.3, seed: 3 }, 5)
    const index = new VectorIndex({ seq: 1, key: 'm', type, dim, libraryId: null }, thread)
    const stored = rowsOf(rows, dim, type)
    for (let i = 0; i < count; i += 700) index.add(stored.slice(i, i + 700))
    const found = await Promise.all(queries.map((query) => index.search(query, 10, null)))
    queries.forEach((query, q) => {
      const scores = Array.from({ length: count }, (_, i) => dot(query, rows.subarray(i * dim, (i + 1) * dim)))
      const tenth = [...scores].sort((a, b) => b - a)[9]
      const error = type === 'f32' ? 1e-5 : 0.01
      for (const { chunkSeq, score } of found[q]) {
        expect(Math.abs(score - scores[chunkSeq - 1])).toBeLessThan(error)
        expect(scores[chunkSeq - 1]).toBeGreaterThan(tenth - error)
      }
      expect(found[q]).toHaveLength(10)
    })
  })

  it('leaves out what is removed or filtered', async () => {
    const dim = 16
    const { rows, queries } = clusteredVectors({ count: 100, dim, centres: 3, noise: 0.3, seed: 4 }, 1)
    const index = new VectorIndex({ seq: 1, key: 'm', type, dim, libraryId: null }, thread)
    const stored = rowsOf(rows, dim, type)
    index.add(stored)
    const [best] = await index.search(queries[0], 1, null)
    index.keepOnly(stored.map((row) => row.seq).filter((seq) => seq !== best.rowSeq))
    expect(index.size).toBe(99)
    const rest = await index.search(queries[0], 1000, null)
    expect(rest).toHaveLength(99)
    expect(rest.some((match) => match.rowSeq === best.rowSeq)).toBe(false)
    const filtered = await index.search(queries[0], 1000, new Set([3, 4]))
    expect(new Set(filtered.map((match) => match.documentSeq))).toEqual(new Set([3, 4]))
    await expect(index.search(new Float32Array(8), 1, null)).rejects.toThrow(/8 numbers, the vectors 16/)
  })
})

it('refuses what cannot be addressed before it takes the memory', () => {
  const index = new VectorIndex({ seq: 1, key: 'm', type: 'f32', dim: 1024, libraryId: null }, thread)
  expect(() => index.reserve(2_000_000)).toThrow(/more than 4 GB. Keep them as int8/)
})
