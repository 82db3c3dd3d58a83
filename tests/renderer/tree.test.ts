import { expect, test } from 'vitest'
import { newestLeaf, pathTo } from '../../src/renderer/views/chat/tree'
import { aMessage, began } from './host/samples'

/** u1 ─ a1 ─ u2 ─ a2; u1 ─ a1b; u1b beside u1. */
const messages = new Map(
  [
    aMessage({ id: 'u1', role: 'user' }),
    aMessage({ id: 'a1', role: 'assistant', parentId: 'u1', createdAt: began + 1 }),
    aMessage({ id: 'u2', role: 'user', parentId: 'a1', createdAt: began + 2 }),
    aMessage({ id: 'a2', role: 'assistant', parentId: 'u2', createdAt: began + 3 }),
    aMessage({ id: 'a1b', role: 'assistant', parentId: 'u1', createdAt: began + 4 }),
    aMessage({ id: 'u1b', role: 'user', createdAt: began + 5 }),
  ].map((message) => [message.id, message]),
)
const ids = (leaf: string | null) => pathTo(messages, leaf).map((entry) => entry.message.id)

test('the transcript is the path from the root to the leaf', () => {
  expect(ids('a2')).toEqual(['u1', 'a1', 'u2', 'a2'])
  expect(ids('a1b')).toEqual(['u1', 'a1b'])
  expect(ids('u1b')).toEqual(['u1b'])
  expect(ids(null)).toEqual([])
  expect(ids('gone')).toEqual([])
})

test('siblings are in the order they were written, with the place of each', () => {
  const [first, second] = pathTo(messages, 'a1b')
  expect(first.siblings.map((m) => m.id)).toEqual(['u1', 'u1b'])
  expect(second.siblings.map((m) => m.id)).toEqual(['a1', 'a1b'])
  expect([first.index, second.index]).toEqual([0, 1])
})

test('stepping to a sibling leads to its newest leaf', () => {
  expect(newestLeaf(messages, 'a1')).toBe('a2')
  expect(newestLeaf(messages, 'u1')).toBe('a1b')
  expect(newestLeaf(messages, 'u1b')).toBe('u1b')
})

test('a chain that loops ends', () => {
  const loop = new Map([
    ['a', aMessage({ id: 'a', role: 'user', parentId: 'b' })],
    ['b', aMessage({ id: 'b', role: 'assistant', parentId: 'a' })],
  ])
  expect(pathTo(loop, 'a').length).toBe(2)
  expect(['a', 'b']).toContain(newestLeaf(loop, 'a'))
})

test('a path through two thousand messages takes less than a frame', () => {
  const long = new Map(
    Array.from({ length: 2000 }, (_, i) => [
      `m${i}`,
      aMessage({ id: `m${i}`, role: i % 2 ? 'assistant' : 'user', parentId: i ? `m${i - 1}` : null }),
    ]),
  )
  const started = performance.now()
  expect(pathTo(long, 'm1999').length).toBe(2000)
  expect(performance.now() - started).toBeLessThan(100)
})
