import { describe, expect, it } from 'vitest'
import { bestSlots, TextIndex } from '../../../../src/main/rag/search/text-index'
import { type ChunkTerms } from '../../../../src/main/store'
import { encodePostings } from '../../../../src/main/store/postings'
import { withNeighbours } from '../../../../src/main/rag/search/text-search'
import { seededRandom } from '../../../../src/shared/seeded-random'

/** Documents as lists of term numbers. */
const row = (seq: number, terms: readonly number[]): ChunkTerms => {
  const counts = new Map<number, number>()
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  const sorted = [...counts].sort((a, b) => a[0] - b[0])
  const postings = encodePostings(sorted)
  return { seq, chunkSeq: seq * 10, documentSeq: seq % 7, language: 'en', length: terms.length, postings }
}

/** BM25 as plain as the formula. */
function naive(documents: ReadonlyMap<number, readonly number[]>, query: readonly number[]): Map<number, number> {
  const all = [...documents.values()]
  const average = all.reduce((sum, d) => sum + d.length, 0) / all.length
  const scores = new Map<number, number>()
  for (const [seq, terms] of documents) {
    let score = 0
    for (const term of query) {
      const tf = terms.filter((t) => t === term).length
      const df = all.filter((d) => d.includes(term)).length
      const idf = Math.log(1 + (all.length - df + 0.5) / (df + 0.5))
      score += (idf * tf) / (tf + 1.2 * (1 - 0.75 + (0.75 * terms.length) / average))
    }
    if (score > 0) scores.set(seq, score)
  }
  return scores
}

describe('BM25', () => {
  it('is that of the formula after any order of adding and removing', () => {
    const random = seededRandom(5)
    const documents = new Map<number, number[]>()
    const index = new TextIndex()
    let seq = 0
    for (let round = 0; round < 30; round++) {
      const added = Array.from({ length: 1 + Math.floor(random() * 20) }, () => {
        const terms = Array.from({ length: Math.floor(random() * 40) }, () => 1 + Math.floor(random() ** 3 * 300))
        documents.set(++seq, terms)
        return row(seq, terms)
      })
      index.add(added)
      if (round % 4 === 3) {
        for (const known of [...documents.keys()]) if (random() < 0.2) documents.delete(known)
        index.keepOnly([...documents.keys()])
      }
      const query = [1, 2, 2, 50, 299, 1000].map((t) => (t > 300 ? null : t))
      const expected = naive(
        documents,
        query.filter((t) => t !== null),
      )
      const found = index.search(query, index.statistics(query), 10_000, null)
      expect(index.size).toBe(documents.size)
      expect(new Set(found.map((m) => m.chunkSeq / 10))).toEqual(new Set(expected.keys()))
      for (const match of found) expect(match.score).toBeCloseTo(expected.get(match.chunkSeq / 10) as number, 9)
      expect(found.map((m) => m.score)).toEqual(found.map((m) => m.score).sort((a, b) => b - a))
    }
  })

  it('looks only in the documents that are asked for, with the statistics of all', () => {
    const index = new TextIndex()
    index.add([row(1, [1, 2]), row(2, [1]), row(8, [1, 1])])
    const all = index.search([1], index.statistics([1]), 10, null)
    const some = index.search([1], index.statistics([1]), 10, new Set([1]))
    expect(some).toEqual(all.filter((m) => m.documentSeq === 1))
    expect(some.map((m) => m.chunkSeq)).toEqual([80, 10])
    expect(index.search([1], index.statistics([1]), 1, null)).toEqual(all.slice(0, 1))
    expect(index.search([null], index.statistics([null]), 10, null)).toEqual([])
  })

  it('finds nothing in an empty index', () => {
    const index = new TextIndex()
    expect(index.search([1], index.statistics([1]), 10, null)).toEqual([])
  })
})

it('keeps the best scores in the order of a stable sort', () => {
  const random = seededRandom(1)
  for (const limit of [1, 2, 7, 100, 1000]) {
    const scores = Float64Array.from({ length: 300 }, () => Math.floor(random() * 20))
    const expected = [...scores.keys()].filter((i) => scores[i] > 0).sort((a, b) => scores[b] - scores[a] || a - b)
    expect(bestSlots(scores, limit, 0, () => true)).toEqual(expected.slice(0, limit))
  }
})

it('gives a chunk a tenth of its better neighbour, within its document alone', () => {
  const match = (chunkSeq: number, documentSeq: number, score: number) => ({ chunkSeq, documentSeq, score })
  const found = withNeighbours([match(4, 1, 10), match(9, 2, 9.5), match(8, 2, 9), match(5, 1, 2), match(7, 3, 1)])
  expect(found.map(({ chunkSeq }) => chunkSeq)).toEqual([9, 4, 8, 5, 7])
  found.forEach(({ score }, i) => expect(score).toBeCloseTo([10.4, 10.2, 9.95, 3, 1][i], 9))
  expect(withNeighbours([])).toEqual([])
})
