/** Reports of work, read as events. */
import { expect, it } from 'vitest'
import { reported } from '../../../src/main/text'

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const event of events) all.push(event)
  return all
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

it('gives what was reported, in order, whether before or while it is read', async () => {
  const events = reported<number>(async (report) => {
    report(1)
    report(2)
    await turn()
    report(3)
  })
  expect(await collect(events)).toEqual([1, 2, 3])
})

it('gives all that was reported before it throws what the work threw', async () => {
  const failure = new Error('no paper')
  const seen: number[] = []
  const events = reported<number>(async (report) => {
    report(1)
    await turn()
    throw failure
  })
  await expect(
    (async () => {
      for await (const event of events) seen.push(event)
    })(),
  ).rejects.toBe(failure)
  expect(seen).toEqual([1])
})

it('ends with work that reports nothing', async () => {
  expect(await collect(reported(async () => undefined))).toEqual([])
})
