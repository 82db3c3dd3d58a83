/** What storing keys and values, attending to them and joining parts cost. */
import { describe, expect, it } from 'vitest'
import {
  attention,
  attentionCombine,
  kvHeadBytes,
  kvTypes,
  type KvType,
  ropeStore,
} from '../../../src/main/engine/kernels/attention'
import { planTiles } from '../../../src/main/engine/runtime/attention-tiles'
import { attention as attentionTwin, softmaxSums, type AttentionShape } from '../../reference/attention'
import { attentionCombine as combineTwin } from '../../reference/attention-combine'
import { ropeStore as ropeTwin } from '../../reference/rope-store'
import { expectCosts, type Memory, numbers } from './costs'

const tokens = 3

describe('attention', () => {
  const [HEADS, KV_HEADS, HEAD_DIM] = [4, 2, 16]
  const width = (HEADS + 2 * KV_HEADS) * HEAD_DIM

  it.each(kvTypes)('rope_store into %s', (kv) => {
    for (const [NORM, rope_dim] of [
      [0, 16],
      [1, 16],
      [1, 8],
      [0, 0],
    ])
      // prettier-ignore
      expectCosts({
        kernel: ropeStore[kv],
        shape: { tokens, rope_dim, HEADS, KV_HEADS, HEAD_DIM, NORM, ROPE: Number(rope_dim > 0) },
        twin: (m) => {
          const shape = { heads: HEADS, kvHeads: KV_HEADS, headDim: HEAD_DIM, ropeDim: rope_dim, queryScale: 1, eps: 1e-6 }
          const norms = { query: m.read(numbers(HEAD_DIM)), key: m.read(numbers(HEAD_DIM)) }
          for (let t = 0; t < tokens; t++) {
            const angles = m.read(numbers(rope_dim)) as number[]
            const out = ropeTwin(m.read(numbers(width)) as number[], angles, shape, NORM ? norms : undefined)
            m.add(1 + out.queries.length + (2 * KV_HEADS * kvHeadBytes(kv, HEAD_DIM)) / 4)
          }
        },
      })
  })

  /** Keys are read once by a tile, and by every group of heads that shares one. */
  it.each(kvTypes)('attention over %s', (kv) => {
    for (const [queryTokens, HEADS_PER_TILE, splits, ALIBI] of [
      [1, 2, 1, 0],
      [8, 1, 1, 1],
      [1, 2, 3, 0],
    ]) {
      // prettier-ignore
      const positions = queryTokens === 1 ? [[0, 500]] : [[0, 20], [1, 5]] // prettier-ignore
      const entries = positions.map(([table, position], i) =>
        queryTokens === 1 ? { firstToken: 0, count: 1, position, table } : { firstToken: i * 20, count: position, position: 0, table },
      ) // prettier-ignore
      const plan = planTiles(entries, { queryTokens, headsPerTile: HEADS_PER_TILE }, 0, 2, 2 * splits)
      const { queryKeys, readKeys, tokens } = plan
      const cost = { queryKeys, readKeys, tokens, tiles: plan.words.length / 8 }
      const PARTIAL = Number(plan.partial)
      const shape = { heads: HEADS, kvHeads: KV_HEADS, headDim: HEAD_DIM, window: 0, slopes: ALIBI ? numbers(HEADS) : undefined } // prettier-ignore
      expect(plan.partial).toBe(splits > 1)
      expectCosts({
        kernel: attention[kv],
        shape: { ...cost, HEADS, KV_HEADS, HEAD_DIM, HEADS_PER_TILE, ALIBI, PARTIAL },
        twin: (m) => attendTiles(m, kv, plan.words, { ...shape, headsPerTile: HEADS_PER_TILE, partial: plan.partial }),
      })
    }
  })

  it('attention_combine', () => {
    const parts = [2, 3]
    expectCosts({
      kernel: attentionCombine,
      shape: { tokens: 2, parts: 5, HEADS, HEAD_DIM },
      twin: (m) => {
        for (const count of parts)
          for (let h = 0; h < HEADS; h++) {
            const part = { weighted: Array.from(numbers(HEAD_DIM)), maximum: 1, total: 2 }
            m.add(count * (HEAD_DIM + 4) + combineTwin(Array.from({ length: count }, () => part)).length)
          }
        m.add(2 * parts.length)
      },
    })
  })
})

/** Walks tiles as attention's workgroups do, each head by itself. */
function attendTiles(
  m: Memory,
  kv: KvType,
  words: Uint32Array,
  shape: AttentionShape & { headsPerTile: number; partial: boolean },
): void {
  const { heads, kvHeads, headDim, headsPerTile, partial } = shape
  const sequence = { keys: numbers(512 * kvHeads * headDim), values: numbers(512 * kvHeads * headDim, 2) }
  const queries = new Set<number>()
  for (let tile = 0; tile < words.length; tile += 8) {
    const [first, count, from, to, , , position] = words.subarray(tile)
    m.add(((heads / headsPerTile) * (to - from) * 2 * kvHeadBytes(kv, headDim)) / 4)
    for (let t = 0; t < count; t++) {
      queries.add(first + t)
      for (let h = 0; h < heads; h++) {
        const q = Array.from(numbers(headDim))
        if (partial) m.add(softmaxSums(q, h, position + t, sequence, shape, from, to).weighted.length + 4)
        else m.add(attentionTwin(q, h, position + t, sequence, shape).length)
      }
    }
  }
  m.add(queries.size * heads * headDim)
}
