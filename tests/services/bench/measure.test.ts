import { expect, it } from 'vitest'
import { sampleOf, takeTurns } from '../../../src/main/bench/measure'

it('takes the median and the spread', () => {
  expect(sampleOf([5, 1, 3])).toEqual({ median: 3, smallest: 1, largest: 5, spread: 4 / 3 })
  expect(sampleOf([4, 1, 2, 10])).toEqual({ median: 3, smallest: 1, largest: 10, spread: 3 })
  expect(sampleOf([7])).toEqual({ median: 7, smallest: 7, largest: 7, spread: 0 })
})

it('warms up, then takes turns; the first round does not count', async () => {
  const order: string[] = []
  const measurement = (name: string, values: number[]) => ({
    name,
    measure: async () => {
      order.push(name)
      return values.shift()!
    },
  })
  const steps: string[] = []
  const both = [measurement('a', [1000, 1, 2, 3]), measurement('b', [2000, 10, 30, 20])]
  const samples = await takeTurns(both, 3, new AbortController().signal, (name, done) => steps.push(`${done} ${name}`))
  expect(order.join('')).toBe('abababab')
  expect(samples.get('a')!.median).toBe(2)
  expect(samples.get('b')!.median).toBe(20)
  expect(steps.slice(0, 3)).toEqual(['0 a (warm-up)', '1 b (warm-up)', '2 a'])
})

it('stops between measurements when it is cancelled', async () => {
  const stop = new AbortController()
  let calls = 0
  const measure = async () => {
    calls += 1
    if (calls === 2) stop.abort()
    return 1
  }
  const turns = takeTurns([{ name: 'a', measure }], 10, stop.signal, () => undefined)
  await expect(turns).rejects.toMatchObject({ code: 'cancelled' })
  expect(calls).toBe(2)
})
