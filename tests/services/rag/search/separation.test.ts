import { expect, it } from 'vitest'
import { denseWeightOf, sharesOf } from '../../../../src/main/rag/search/search-run'
import { denseWeightFor, probeOf, tokensPerLetter } from '../../../../src/main/rag/search/separation'
import { type SearchState } from '../../../../src/main/store'

it('asks with a sentence from the middle, or half of a single one', () => {
  const text =
    '첫 번째 문장은 여기에서 끝난다. 두 번째 문장은 조금 더 길고 가운데에 있다. 세 번째 문장이 마지막으로 나온다.'
  expect(probeOf(text)).toBe('두 번째 문장은 조금 더 길고 가운데에 있다.')
  const single = 'one sentence without an end that goes on and on for quite a while'
  expect(single.startsWith(probeOf(single) as string)).toBe(true)
  expect((probeOf(single) as string).length).toBeLessThan(single.length)
  expect(probeOf('too short')).toBeNull()
  expect(probeOf('')).toBeNull()
})

it('gives weight by what was found', () => {
  expect(denseWeightFor(0)).toBe(0)
  expect(denseWeightFor(1)).toBe(1)
  const middle = denseWeightFor(0.5)
  expect(middle).toBeGreaterThan(0)
  expect(middle).toBeLessThan(1)
})

it('takes the setting first, then the measurement of the language, and trusts nothing unmeasured but English', () => {
  const state = (denseWeight: number | null) => ({ settings: { denseWeight } }) as SearchState
  const rows = [{ language: 'en' as const, passages: 9, hitAt1: 1, denseWeight: 0.8, warning: null }]
  expect(denseWeightOf(state(0.3), rows, 'en')).toBe(0.3)
  expect(denseWeightOf(state(null), rows, 'en')).toBe(0.8)
  expect(denseWeightOf(state(null), rows, 'ko')).toBe(0)
  expect(denseWeightOf(state(null), [], 'en')).toBe(1)
  expect(denseWeightOf(state(null), [], 'ko')).toBe(0)
})

it('counts scores of words from nothing, and cosines from where hits are no longer about the query', () => {
  expect(sharesOf('bm25', [8, 4, 2])).toEqual([1, 0.5, 0.25])
  expect(sharesOf('bm25', [])).toEqual([])
  // Whatever a model's unrelated texts have: the same steps are the same shares.
  const low = sharesOf('dense', [0.5, 0.3, 0.1])
  const high = sharesOf('dense', [0.95, 0.85, 0.75])
  expect(low[0]).toBe(1)
  expect(low[1]).toBeCloseTo(0.55)
  low.forEach((share, i) => expect(high[i]).toBeCloseTo(share))
  expect(sharesOf('dense', [0.4, 0.4])).toEqual([1, 1])
  const long = sharesOf(
    'dense',
    Array.from({ length: 300 }, (_, i) => 1 - i / 300),
  )
  expect(long[99]).toBeCloseTo(0.1)
  expect(long[299]).toBe(0.05)
})

it('counts tokens by letters without blanks', () => {
  expect(tokensPerLetter(['가 나\n다', 'ab'], [4, 1])).toBe(1)
  expect(tokensPerLetter([' '], [3])).toBe(0)
})
