/** Filters, penalties and the draw, against transformers' figures and plain formulas. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alibiSlopes } from '../../../src/main/engine/layers/attention'
import {
  type Candidates,
  candidatesNeeded,
  draw,
  keptCandidates,
  logitChanges,
  randomSource,
} from '../../../src/main/engine/runtime/sampling'
import { sampling, type Sampling } from '../../../src/shared/contract/sampling'
import { adjustLogits } from '../../reference/adjust-logits'
import { readGolden } from '../golden'

const open = { temperature: 1, topK: 0, topP: 1, minP: 0, typicalP: 1 }
const settings = (own: Partial<Sampling>): Sampling => sampling.parse({ ...open, ...own })

/** All tokens in descending order, or the first `count` of them. */
function candidatesOf(logits: number[], count = logits.length): Candidates {
  const ids = logits.map((_, i) => i).sort((a, b) => logits[b] - logits[a] || a - b)
  const top = logits[ids[0]]
  const logSumExp = top + Math.log(logits.reduce((sum, l) => sum + Math.exp(l - top), 0))
  const own = ids.slice(0, count)
  return { ids: own, logits: own.map((i) => logits[i]), logSumExp, complete: count === logits.length }
}

function kept(logits: number[], own: Partial<Sampling>, count?: number): number[] | null {
  const candidates = candidatesOf(logits, count)
  const indices = keptCandidates(candidates, settings(own))
  return indices && indices.map((i) => candidates.ids[i]).sort((a, b) => a - b)
}

describe('filters', () => {
  const reference = readGolden<{ logits: number[] } & Record<string, number[]>>('retrieval', 'sampling.json')
  it.each([
    ['top_k_8', { topK: 8 }],
    ['top_p_0_9', { topP: 0.9 }],
    ['min_p_0_05', { minP: 0.05 }],
    ['typical_0_9', { typicalP: 0.9 }],
  ])('keep what transformers keeps: %s', (name, own) => {
    expect(kept(reference.logits, own)).toEqual(reference[name])
  })

  const halves = [0.5, 0.25, 0.125, 0.125].map(Math.log)
  it('include the token that reaches p', () => {
    expect(kept(halves, { topP: 0.5 })).toEqual([0])
    expect(kept(halves, { topP: 0.51 })).toEqual([0, 1])
    expect(kept(halves, { topP: 0.75 })).toEqual([0, 1])
    expect(kept(halves, { topP: 1e-9 })).toEqual([0])
    expect(kept(halves, { topP: 0 })).toEqual([0])
    expect(kept(halves, { typicalP: 0 })).toHaveLength(1)
    expect(kept(halves, { typicalP: 1e-9 })).toHaveLength(1)
  })
  it('include a token of just the least probability', () => {
    expect(kept([0, Math.log(0.5), -3], { minP: 0.5 })).toEqual([0, 1])
    expect(kept([0, Math.log(0.5), -3], { minP: 1 })).toEqual([0])
    expect(kept([2, 2, -3], { minP: 1 })).toEqual([0, 1])
  })
  it('cut ties at k by id', () => {
    expect(kept([1, 5, 5, 5, 0], { topK: 2 })).toEqual([1, 2])
  })
  it('take p of what top-k left', () => {
    expect(kept(halves, { topK: 2, topP: 0.6 })).toEqual([0])
    expect(kept(halves, { topK: 2, topP: 0.7 })).toEqual([0, 1])
  })
  it('survive logits of minus infinity', () => {
    expect(kept([0, -Infinity, -1], { typicalP: 0.99 })).toEqual([0, 2])
    expect(kept([0, -Infinity, -1], { topP: 0.99, minP: 0.01 })).toEqual([0, 2])
  })

  it('say the same of a part of the candidates as of all, or that it does not suffice', () => {
    const logit = fc.double({ min: -8, max: 8, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(logit, { minLength: 2, maxLength: 60 }),
        fc.integer({ min: 1, max: 59 }),
        fc.record({
          topK: fc.constantFrom(0, 1, 3, 20),
          topP: fc.constantFrom(1, 0.9, 0.3),
          minP: fc.constantFrom(0, 0.05, 0.5),
          typicalP: fc.constantFrom(1, 0.9, 0.2),
        }),
        (logits, count, own) => {
          const part = kept(logits, own, Math.min(count, logits.length))
          const all = kept(logits, own)!
          expect(all.length).toBeGreaterThan(0)
          if (part) expect(part).toEqual(all)
        },
      ),
      { numRuns: 500 },
    )
  })
  it('find most answers in the candidates that are asked for', () => {
    const random = randomSource(3)
    const logits = Array.from({ length: 5000 }, () => -8 * random())
    logits[17] = 6
    expect(candidatesNeeded(settings({ topK: 40 }))).toBe(40)
    expect(candidatesNeeded(settings({ temperature: 0 }))).toBe(1)
    const needed = candidatesNeeded(settings({ topP: 0.3 }))
    expect(kept(logits, { topP: 0.1 }, needed)).toEqual([17])
    expect(kept(logits, { topP: 0.999 }, needed)).toBeNull()
    expect(kept(logits, { topK: 3000 }, needed)).toBeNull()
    expect(kept(logits, { typicalP: 0.5 }, needed)).toBeNull()
  })
})

describe('penalties', () => {
  const reference = readGolden<{ logits: number[]; previous: number[]; repetition_1_3: number[] }>(
    'retrieval',
    'sampling.json',
  )
  const apply = (own: Partial<Sampling>, prompt: number[], answered: number[]) =>
    adjustLogits(
      reference.logits,
      logitChanges(settings(own), prompt, answered).map(({ id, ...rest }) => ({ at: id, ...rest })),
    )

  it('repeat what transformers does, once for each token, wherever it stood', () => {
    const { previous, repetition_1_3: expected } = reference
    for (const split of [0, 2, 4]) {
      const adjusted = apply({ repetitionPenalty: 1.3 }, previous.slice(0, split), previous.slice(split))
      adjusted.forEach((l, i) => expect(l).toBeCloseTo(expected[i], 5))
    }
  })
  it('count the answer alone for presence and frequency, then add biases', () => {
    const adjusted = apply(
      { presencePenalty: 0.5, frequencyPenalty: 0.25, logitBias: { '9': 2, '5': -100 } },
      [3, 9],
      [9, 9, 41],
    )
    const expected = [...reference.logits]
    expected[9] += -0.5 - 2 * 0.25 + 2
    expected[41] += -0.5 - 0.25
    expected[5] -= 100
    adjusted.forEach((l, i) => expect(l).toBeCloseTo(expected[i], 12))
  })
  it('change nothing when they are off', () => {
    expect(logitChanges(settings({}), [1, 2], [3])).toEqual([])
  })
})

describe('draw', () => {
  const logits = [2, 1.5, 1, 0, -1, -3]
  it.each([0.5, 1, 2])('follows the tempered distribution at temperature %d', (temperature) => {
    const c = candidatesOf(logits)
    const all = logits.map((_, i) => i)
    const random = randomSource(12345)
    const draws = 20_000
    const counts = new Array<number>(logits.length).fill(0)
    for (let n = 0; n < draws; n++) counts[draw(c, all, temperature, random)]++
    const weights = logits.map((l) => Math.exp(l / temperature))
    const sum = weights.reduce((a, b) => a + b, 0)
    const chiSquare = counts.reduce((chi, n, i) => {
      const expected = (draws * weights[i]) / sum
      return chi + (n - expected) ** 2 / expected
    }, 0)
    // The 99.9th percentile with 5 degrees of freedom; the seed is fixed.
    expect(chiSquare).toBeLessThan(20.5)
  })
  it('stays within the kept candidates, at the ends of the random range and of temperature too', () => {
    const c = candidatesOf(logits)
    for (const r of [0, 0.5, 1 - 2 ** -32])
      for (const t of [1e-300, 1e-3, 1, 10]) expect([1, 2]).toContain(draw(c, [1, 2], t, () => r))
    expect(draw(c, [1, 2], 1e-3, () => 0.999)).toBe(1)
    expect(draw(c, [0, 1], 0, () => 0.999)).toBe(0)
  })
  it('has a source of its own for every seed', () => {
    const three = (seed: number) => Array.from({ length: 3 }, randomSource(seed))
    const seeds = [0, 1, 2, 4_294_967_295]
    expect(new Set(seeds.map((s) => three(s).join())).size).toBe(seeds.length)
    expect(three(7)).toEqual(three(7))
    const many = Array.from({ length: 10_000 }, randomSource(0))
    expect(many.every((v) => v >= 0 && v < 1)).toBe(true)
    expect(many.reduce((a, b) => a + b, 0) / many.length).toBeCloseTo(0.5, 1)
  })
})

describe('ALiBi slopes', () => {
  const reference = readGolden<Record<string, number[]>>('retrieval', 'alibi-slopes.json')
  it.each(Object.keys(reference))('equal the reference for %s heads', (heads) => {
    const slopes = alibiSlopes(Number(heads))
    expect(slopes).toHaveLength(reference[heads].length)
    slopes.forEach((s, i) => expect(Math.abs(s / reference[heads][i] - 1)).toBeLessThan(1e-12))
  })
})
