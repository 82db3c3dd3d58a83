/** The knapsack against every combination, and what a person sees of it: never over the budget, never worse with more room. */
import { describe, expect, it } from 'vitest'
import { allocate, type Choice } from '../../../src/main/engine/quantize/allocate'
import { Pace } from '../../../src/main/engine/quantize/pace'
import { seededRandom } from '../../../src/shared/seeded-random'

const pace = () => new Pace()

/** Least cost under the budget, by trying everything. */
function bruteForce(items: Choice[][], budget: number): number {
  if (items.length === 0) return budget >= 0 ? 0 : Infinity
  const [first, ...rest] = items
  return Math.min(...first.map(({ bytes, cost }) => cost + bruteForce(rest, budget - bytes)))
}

function randomItems(seed: number, count: number, choices: number): Choice[][] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () =>
    Array.from({ length: choices }, () => ({ bytes: 1 + Math.floor(random() * 60), cost: random() })),
  )
}

describe('allocate', () => {
  it('finds what trying everything finds', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const items = randomItems(seed, 5, 4)
      const least = items.reduce((sum, own) => sum + Math.min(...own.map((c) => c.bytes)), 0)
      for (const room of [0, 7, 40, 90, 400]) {
        const { chosen, bytes, cost } = await allocate(items, least + room, pace())
        expect(cost).toBeCloseTo(bruteForce(items, least + room), 12)
        expect(bytes).toBeLessThanOrEqual(least + room)
        const picked = chosen.map((choice, i) => items[i][choice])
        expect(picked.reduce((sum, c) => sum + c.bytes, 0)).toBe(bytes)
        expect(picked.reduce((sum, c) => sum + c.cost, 0)).toBeCloseTo(cost, 12)
      }
    }
  })

  it('keeps to the budget, and within five thousandths of the best mix, where bytes are too fine for its grid', async () => {
    const random = seededRandom(3)
    const items = Array.from({ length: 120 }, () => {
      const weight = random() * 1e-2
      const size = 200_001 + 2 * Math.floor(random() * 400_000)
      return [2, 3, 4, 5, 6, 8].map((bits) => ({ bytes: (size * bits) >> 1, cost: weight * 4 ** -bits }))
    })
    const [least, most] = [0, 5].map((i) => items.reduce((sum, own) => sum + own[i].bytes, 0))
    const budget = Math.floor((least + most) / 2)
    const { bytes, cost } = await allocate(items, budget, pace())
    expect(bytes).toBeLessThanOrEqual(budget)
    expect(budget - bytes).toBeLessThan((most - least) / 500)
    expect(cost).toBeLessThan(1.005 * relaxedCost(items, budget))
  })

  it('never costs more with a larger budget', async () => {
    const items = randomItems(9, 12, 5)
    const least = items.reduce((sum, own) => sum + Math.min(...own.map((c) => c.bytes)), 0)
    let before = Infinity
    for (let budget = least; budget <= least + 400; budget += 3) {
      const { cost } = await allocate(items, budget, pace())
      expect(cost).toBeLessThanOrEqual(before)
      before = cost
    }
  })

  it('refuses a budget below the least possible, and names that', async () => {
    const items = randomItems(2, 3, 3)
    const least = items.reduce((sum, own) => sum + Math.min(...own.map((c) => c.bytes)), 0)
    await expect(allocate(items, least - 1, pace())).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining(`least possible are ${least}`) as string,
    })
  })

  it('takes the best of everything where there is room, and no byte more than that needs', async () => {
    const items = [[{ bytes: 4, cost: 1 }, { bytes: 9, cost: 0.5 }, { bytes: 12, cost: 0.5 }]] // prettier-ignore
    expect(await allocate(items, 1000, pace())).toEqual({ chosen: [1], bytes: 9, cost: 0.5 })
  })
})

/** A bound from below: the Lagrangian relaxation, at its best price of a byte. */
function relaxedCost(items: Choice[][], budget: number): number {
  let best = 0
  for (let exponent = -16; exponent < -4; exponent += 0.01) {
    const price = 10 ** exponent
    const sum = items.reduce((all, own) => all + Math.min(...own.map((c) => c.cost + price * c.bytes)), 0)
    best = Math.max(best, sum - price * budget)
  }
  return best
}
