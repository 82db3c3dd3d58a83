/** The pool of cache blocks against a plain model of it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BlockPool } from '../../../src/main/engine/runtime/block-pool'

const tokens = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i)

/** Takes and publishes the blocks of `ids`, as a sequence that computed them does. */
function compute(pool: BlockPool, ids: number[]): number[] {
  const blocks = pool.takePrefix(ids, ids.length)
  let prefix = ''
  for (let n = 0; n * 16 < ids.length; n++) {
    if (n >= blocks.length) blocks.push(pool.take()!)
    if ((n + 1) * 16 <= ids.length) prefix = pool.publish(blocks[n], prefix, ids, (n + 1) * 16)
  }
  return blocks
}

describe('BlockPool', () => {
  it('finds full blocks again by their tokens and all tokens before them', () => {
    const pool = new BlockPool(8)
    const ids = tokens(40)
    const blocks = compute(pool, ids)
    expect(pool.used).toBe(3)
    pool.release(blocks)
    expect(pool.used).toBe(0)
    expect(pool.takePrefix(ids, 40)).toEqual(blocks.slice(0, 2))
    expect(pool.takePrefix(ids, 16)).toEqual(blocks.slice(0, 1))
    expect(pool.takePrefix([...ids.slice(0, 16), ...tokens(16, 99)], 32)).toEqual(blocks.slice(0, 1))
    expect(pool.takePrefix([99, ...ids.slice(1)], 40)).toEqual([])
    expect(pool.takePrefix([...tokens(16, 99), ...ids.slice(16)], 40)).toEqual([])
  })

  it('shares blocks between holders until the last lets go', () => {
    const pool = new BlockPool(2)
    const ids = tokens(16)
    const [block] = compute(pool, ids)
    expect(pool.takePrefix(ids, 16)).toEqual([block])
    pool.release([block])
    expect(pool.used).toBe(1)
    expect(pool.take()).not.toBe(block)
    expect(pool.take()).toBeNull()
    pool.release([block])
    expect(pool.take()).toBe(block)
    expect(pool.takePrefix(ids, 16)).toEqual([])
  })

  it('forgets what was used longest ago, ends before beginnings, and nothing while blank blocks are left', () => {
    const pool = new BlockPool(6)
    const [old, recent] = [tokens(32), tokens(32, 1000)]
    const oldBlocks = compute(pool, old)
    const recentBlocks = compute(pool, recent)
    const unfinished = compute(pool, [7])
    pool.release(oldBlocks)
    pool.release(recentBlocks)
    pool.release(unfinished)
    const blank = [pool.take(), pool.take()]
    expect(new Set(blank)).not.toContain(oldBlocks[1])
    expect(pool.take()).toBe(oldBlocks[1])
    expect(pool.takePrefix(old, 32)).toEqual([oldBlocks[0]])
    expect(pool.take()).toBe(recentBlocks[1])
    expect(pool.take()).toBe(recentBlocks[0])
    expect(pool.take()).toBeNull()
  })

  it('refuses a block given back twice', () => {
    const pool = new BlockPool(2)
    const block = pool.take()!
    pool.release([block])
    expect(() => pool.release([block])).toThrow(/nobody holds/)
  })

  it('never hands out a held block, keeps count, and bounds its names', () => {
    // Few distinct texts, so that prefixes meet often.
    const text = fc.record({ head: fc.integer({ min: 0, max: 2 }), length: fc.integer({ min: 1, max: 70 }) })
    const action = fc.oneof(
      fc.record({ kind: fc.constant('compute' as const), text }),
      fc.record({ kind: fc.constant('release' as const), which: fc.nat(50) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), fc.integer({ min: 1, max: 12 }), (actions, size) => {
        const pool = new BlockPool(size)
        const held: { ids: number[]; blocks: number[] }[] = []
        const contents = new Map<number, string>()
        for (const action of actions) {
          if (action.kind === 'release') {
            const [gone] = held.splice(action.which % Math.max(1, held.length), 1)
            if (gone) pool.release(gone.blocks)
          } else {
            const ids = tokens(action.text.length, action.text.head * 500)
            const shared = pool.takePrefix(ids, ids.length)
            shared.forEach((b, n) => expect(contents.get(b)).toBe(ids.slice(0, (n + 1) * 16).join()))
            const blocks = [...shared]
            let prefix = ''
            for (let n = 0; n * 16 < ids.length; n++) {
              if (n >= shared.length) {
                const own = pool.take()
                if (own === null) break
                expect(held.flatMap((h) => h.blocks)).not.toContain(own)
                expect(blocks).not.toContain(own)
                contents.set(own, ids.slice(0, (n + 1) * 16).join())
                blocks.push(own)
              }
              if ((n + 1) * 16 <= ids.length) prefix = pool.publish(blocks[n], prefix, ids, (n + 1) * 16)
            }
            held.push({ ids, blocks })
          }
          expect(pool.used).toBe(new Set(held.flatMap((h) => h.blocks)).size)
          expect(pool.named).toBeLessThanOrEqual(8 * size)
        }
      }),
      { numRuns: 300 },
    )
  })
})
