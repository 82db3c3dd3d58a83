import { expect, it } from 'vitest'
import { Shelf } from '../../../../src/main/rag/search/shelf'

/** An index that holds the seq of its rows. */
class Rows {
  rows: number[] = []
  removed = 0
  get size() {
    return this.rows.length - this.removed
  }
  get lastSeq() {
    return this.rows.at(-1) ?? 0
  }
  get bytes() {
    return this.rows.length
  }
  get waste() {
    return this.rows.length === 0 ? 0 : this.removed / this.rows.length
  }
  add(rows: readonly number[]) {
    this.rows.push(...rows)
  }
  keepOnly(present: readonly number[]) {
    this.removed = this.rows.filter((row) => !present.includes(row)).length
  }
}

function source(key: string, count: number) {
  const state = { version: 1, rows: Array.from({ length: count }, (_, i) => i + 1), reads: 0 }
  return {
    state,
    key,
    version: () => state.version,
    create: () => new Rows(),
    page: (after: number, limit: number) => {
      state.reads++
      return state.rows.filter((row) => row > after).slice(0, limit)
    },
    seqs: () => state.rows,
  }
}

it('reads once, then only what is new, and anew where much is gone', async () => {
  const shelf = new Shelf<number, Rows>(1e6)
  const a = source('a', 2500)
  const [first, same] = await Promise.all([shelf.open(a), shelf.open(a)])
  expect(first.size).toBe(2500)
  expect(same).toBe(first)
  expect(a.state.reads).toBe(3)
  expect(await shelf.open(a)).toBe(first)
  expect(a.state.reads).toBe(3)
  a.state.rows = [...a.state.rows.slice(10), 2501]
  a.state.version++
  expect(await shelf.open(a)).toBe(first)
  expect(first.size).toBe(2491)
  expect(a.state.reads).toBe(4)
  a.state.rows = a.state.rows.slice(2000)
  a.state.version++
  const anew = await shelf.open(a)
  expect(anew).not.toBe(first)
  expect(anew.rows).toEqual(a.state.rows)
})

it('sees what changes while it reads', async () => {
  const shelf = new Shelf<number, Rows>(1e6)
  const a = source('a', 1500)
  const opening = shelf.open(a)
  a.state.rows = [...a.state.rows.slice(1), 1501]
  a.state.version++
  expect((await opening).size).toBe(1500)
})

it('drops the one unused for longest when memory is short, but never the one in use', async () => {
  const shelf = new Shelf<number, Rows>(250)
  const sources = ['a', 'b', 'c'].map((key) => source(key, 100))
  const [a, b] = [await shelf.open(sources[0]), await shelf.open(sources[1])]
  expect(await shelf.open(sources[0])).toBe(a)
  await shelf.open(sources[2])
  expect(await shelf.open(sources[0])).toBe(a)
  expect(await shelf.open(sources[1])).not.toBe(b)
  const large = source('large', 1000)
  const opened = await shelf.open(large)
  expect(await shelf.open(large)).toBe(opened)
})
