import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { diversify, fuseRankings } from '../../../../src/main/rag/search/fusion'

interface Golden {
  lists: number[][]
  k5: Record<string, number>
  k60: Record<string, number>
}
const golden = JSON.parse(readFileSync('tests/golden/retrieval/rrf.json', 'utf8')) as Golden

it.each([5, 60] as const)('fuses as the reference does with k = %i', (k) => {
  const fused = fuseRankings(
    golden.lists.map((keys) => ({ keys, weight: () => 1 })),
    k,
  )
  const expected = golden[`k${k}`]
  expect([...fused.keys()].map(String).sort()).toEqual(Object.keys(expected).sort())
  for (const [key, score] of fused) expect(Math.abs(score - expected[key])).toBeLessThan(1e-6)
  const scores = [...fused.values()]
  expect(scores).toEqual([...scores].sort((a, b) => b - a))
})

it('weighs rankings, and lets one without weight only fill up in its order', () => {
  const words = { keys: [1, 2], weight: () => 1 }
  const dense = { keys: [9, 8, 2], weight: () => 0 }
  expect([...fuseRankings([words, dense])].map(([key]) => key)).toEqual([1, 2, 9, 8])
  const half = { keys: [9, 2], weight: () => 0.5 }
  expect(fuseRankings([words, half]).get(9)).toBeCloseTo(0.5 / 61, 12)
  expect([...fuseRankings([words, half]).keys()]).toEqual([2, 1, 9])
})

it('takes what is unlike what was taken', () => {
  const x = Float32Array.of(1, 0)
  const y = Float32Array.of(0, 1)
  const relevance = [1, 0.9, 0.8, 0.1]
  const vectors = [x, x, y, null]
  expect(diversify(relevance, vectors, 1, 4)).toEqual([0, 1, 2, 3])
  expect(diversify(relevance, vectors, 0.5, 3)).toEqual([0, 2, 3])
  expect(diversify(relevance, vectors, 0.7, 2)).toEqual([0, 2])
  expect(diversify([], [], 0.5, 3)).toEqual([])
  expect(diversify([1, 1], [x, x], 0, 5)).toHaveLength(2)
})
