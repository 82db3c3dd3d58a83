/** Cases of attention: ragged batches through scattered blocks, windows, ALiBi, keys split into parts. */
import { attention as spec, blockTokens, type KvType } from '../../src/main/engine/kernels/attention'
import {
  encoderRows,
  planTiles,
  tileShapes,
  type TileEntry,
  type TilePlan,
} from '../../src/main/engine/runtime/attention-tiles'
import { attention, score, softmaxSums, type AttentionShape, type CachedSequence } from '../reference/attention'
import { normal, outliers, zeros, type Fill } from './fill'
import {
  activationType,
  stored,
  typed,
  unit,
  type BufferData,
  type DeviceName,
  type KernelCase,
  type KernelRun,
} from './kernel-case'
import { emptyCache, scattered, storeHead, type CacheShape } from './paged-cache'

interface AttentionCase {
  name: string
  kv: KvType
  heads: number
  kvHeads: number
  headDim: number
  /** [position of the first new token, new tokens] of each sequence: all of one token, or all of more. */
  sequences: [number, number][]
  window?: number
  alibi?: boolean
  /** Parts that the keys of a token are split into. */
  split?: number
  fill?: Fill
  devices?: DeviceName[]
  /** Tiles of an encoder's size. */
  encoder?: boolean
}

interface Query {
  token: number
  position: number
  vector: (head: number) => number[]
  sequence: CachedSequence
}

interface Batch {
  qkv: ReturnType<typeof typed>
  keys: BufferData
  values: BufferData
  tables: number[]
  entries: TileEntry[]
  queries: Query[]
}

const because =
  'a score of headDim products is off by sqrt(headDim) + 8 roundings of sum |q| |k| (and of the ALiBi penalty), which every weight and ' +
  'so the average of values is at most twice; weights and sums add eight and a rounding for the square root of the keys'

/** Random queries, and keys and values in blocks that no sequence holds in order; what nobody may read is NaN. */
function batchOf(c: AttentionCase, type: 'f32' | 'f16'): Batch {
  const { heads, kvHeads, headDim, fill = normal() } = c
  const width = (heads + 2 * kvHeads) * headDim
  const tokens = c.sequences.reduce((sum, [, count]) => sum + count, 0)
  const counts = c.sequences.map(([position, count]) => Math.ceil((position + count) / blockTokens))
  const cache: CacheShape = { kv: c.kv, kvHeads, headDim, blocks: counts.reduce((a, b) => a + b, 0) + 1 }
  const qkv = typed(fill(tokens * width, 1).map((v) => v / Math.sqrt(headDim)), type) // prettier-ignore
  const batch: Batch = {
    qkv,
    keys: emptyCache(cache, NaN),
    values: emptyCache(cache, NaN),
    tables: scattered(cache.blocks).slice(0, cache.blocks - 1),
    entries: [],
    queries: [],
  }
  let firstToken = 0
  let table = 0
  c.sequences.forEach(([position, count], s) => {
    const length = position + count
    const sequence = {
      keys: fill(length * kvHeads * headDim, 10 + s),
      values: normal()(length * kvHeads * headDim, 20 + s),
    }
    // What the cache holds of them is rounded to its type.
    for (let at = 0; at < sequence.keys.length; at += headDim) {
      const key = Math.floor(at / (kvHeads * headDim))
      const slot = batch.tables[table + Math.floor(key / blockTokens)] * blockTokens + (key % blockTokens)
      const head = (at / headDim) % kvHeads
      for (const part of ['keys', 'values'] as const) {
        const vector = Array.from(sequence[part].subarray(at, at + headDim))
        sequence[part].set(storeHead(cache, batch[part], part, slot, head, vector), at)
      }
    }
    for (let t = 0; t < count; t++) {
      const token = firstToken + t
      const vector = (h: number) => Array.from(qkv.subarray(token * width + h * headDim, token * width + (h + 1) * headDim))
      batch.queries.push({ token, position: position + t, vector, sequence })
    }
    batch.entries.push({ firstToken, count, position, table })
    firstToken += count
    table += counts[s]
  })
  return batch
} // prettier-ignore

/** How far scores of a query may be off: with them, by what factor its weights may. */
function scoreError(q: Query, h: number, a: AttentionShape): number {
  let most = 0
  const sizes = {
    keys: Array.from(q.sequence.keys, Math.abs),
    values: q.sequence.values,
  }
  const slopes = a.slopes && Array.from(a.slopes, (v) => -v)
  for (let key = 0; key <= q.position; key++)
    most = Math.max(most, score(q.vector(h).map(Math.abs), h, key, q.position, sizes, { ...a, slopes }))
  return most * unit * (8 + Math.sqrt(a.headDim))
}

const sumError = (keys: number) => unit * (8 + Math.sqrt(keys))
const largest = (v: ArrayLike<number>) => Array.from(v).reduce((most, e) => Math.max(most, Math.abs(e)), 0)

/** Whole results: [tokens, heads, headDim]. */
function wholeOutput(queries: Query[], a: AttentionShape, type: 'f32' | 'f16'): KernelRun['expected'] {
  const expected: number[] = []
  const errors: number[] = []
  for (const q of queries)
    for (let h = 0; h < a.heads; h++) {
      const out = attention(q.vector(h), h, q.position, q.sequence, a)
      const error = (2 * scoreError(q, h, a) + 2 * sumError(q.position + 1)) * largest(q.sequence.values)
      expected.push(...out)
      errors.push(...out.map(() => error))
    }
  return [{ output: 'out', type, values: expected, allowed: stored(expected, type, errors) }]
}

/** Partial results in the order of parts: [parts, heads, headDim + 4]. */
function partialOutput(queries: Query[], plan: TilePlan, a: AttentionShape): KernelRun['expected'] {
  const width = a.heads * (a.headDim + 4)
  const expected = new Float64Array(plan.parts * width)
  const allowed = new Float64Array(plan.parts * width)
  for (let tile = 0; tile < plan.words.length; tile += 8) {
    const [token, , from, to, , part] = plan.words.subarray(tile)
    const q = queries[token]
    for (let h = 0; h < a.heads; h++) {
      const sums = softmaxSums(q.vector(h), h, q.position, q.sequence, a, from, to)
      const at = part * width + h * (a.headDim + 4)
      const slip = scoreError(q, h, a)
      expected.set([...sums.weighted, sums.maximum, sums.total], at)
      const error = (2 * slip + sumError(to - from)) * sums.total
      allowed.fill(error * largest(q.sequence.values), at, at + a.headDim)
      allowed.set([slip + Math.abs(sums.maximum) * unit, error], at + a.headDim)
    }
  }
  return [{ output: 'out', type: 'f32', values: expected, allowed }]
}

function prepare(c: AttentionCase, type: 'f32' | 'f16', lanes: number): KernelRun {
  const { heads, kvHeads, headDim, window = 0, split = 1 } = c
  const slopes = Float32Array.from({ length: heads }, (_, h) => 2 ** (-8 * ((h + 1) / heads)))
  const a: AttentionShape = { heads, kvHeads, headDim, window, slopes: c.alibi ? slopes : undefined }
  const { qkv, keys, values, tables, entries, queries } = batchOf(c, type)
  const shapes = tileShapes(heads / kvHeads, headDim, c.encoder ? encoderRows(lanes) : undefined)
  const shape = c.sequences[0][1] === 1 ? shapes.decode : shapes.prefill
  const groups = heads / shape.headsPerTile
  const plan = planTiles(entries, shape, window, groups, split * entries.length * groups)
  if (plan.partial !== split > 1) throw new Error(`${c.name}: too few keys to be split into ${split} parts.`)
  const output = plan.partial ? 'f32' : type
  const expected = plan.partial ? partialOutput(queries, plan, a) : wholeOutput(queries, a, type)
  return {
    constants: {
      IN: type,
      OUT: output,
      HEAD_DIM: headDim,
      HEADS: heads,
      KV_HEADS: kvHeads,
      QUERY_TOKENS: shape.queryTokens,
      HEADS_PER_TILE: shape.headsPerTile,
      ALIBI: c.alibi ?? false,
      PARTIAL: plan.partial,
    },
    values: {
      window,
      tiles: plan.words.length / 8,
      queryKeys: plan.queryKeys,
      readKeys: plan.readKeys,
      tokens: plan.tokens,
    },
    buffers: {
      qkv,
      keys,
      values,
      tables: Uint32Array.from(tables),
      tiles: plan.words,
      slopes,
      out: typed(new Float32Array(expected[0].values.length), output),
    },
    expected,
  }
}

const attentionCase = (c: AttentionCase): KernelCase => ({
  kernel: spec[c.kv],
  name: c.name,
  because,
  devices: c.devices,
  prepare: (p) => prepare(c, activationType(p), p.lanes),
})

const grouped = { kv: 'f16', heads: 6, kvHeads: 2, headDim: 16 } as const
const single = { kv: 'f32', heads: 2, kvHeads: 2, headDim: 32 } as const
const bytes = { kv: 'int8', heads: 9, kvHeads: 3, headDim: 64 } as const
const here = ['as it is'] satisfies DeviceName[]
const lesser = ['as it is', 'without shader-f16'] satisfies DeviceName[]

/** Cases with the same heads and the same kind of tile share a shader; what takes long to compile runs on few devices. */
const attentionCases: AttentionCase[] = [
  { ...grouped, name: 'decode: one key', sequences: [[0, 1]] },
  { ...grouped, name: 'decode: ragged batch', sequences: [[0, 1], [15, 1], [16, 1], [70, 1]] },
  { ...grouped, name: 'decode: outliers', sequences: [[100, 1]], fill: outliers },
  { ...grouped, name: 'decode: scores of thousands', sequences: [[60, 1]], fill: normal(60) },
  { ...grouped, name: 'decode: equal scores', sequences: [[52, 1]], fill: zeros },
  { ...grouped, name: 'decode: window', sequences: [[5, 1], [16, 1], [99, 1]], window: 17 },
  { ...grouped, name: 'decode: split keys', sequences: [[300, 1], [5, 1], [389, 1]], split: 3 },
  { ...grouped, name: 'decode: split keys, window', sequences: [[700, 1], [5, 1]], split: 2, window: 270 },
  { ...grouped, name: 'prefill: one sequence', sequences: [[0, 37]] },
  { ...grouped, name: 'prefill: ragged batch, later chunks', sequences: [[0, 2], [13, 20], [33, 9]] },
  { ...grouped, name: 'prefill: window', sequences: [[0, 40], [21, 7]], window: 11, fill: outliers },
  { ...single, name: 'decode: a key head for each', sequences: [[18, 1], [3, 1]], devices: lesser },
  { ...single, name: 'prefill: a key head for each', sequences: [[5, 19]], devices: here },
  { ...single, name: 'prefill: tiles of an encoder', sequences: [[0, 37], [0, 5]], encoder: true, devices: here },
  { kv: 'f16', heads: 9, kvHeads: 3, headDim: 64, name: 'decode: three heads a key head', sequences: [[47, 1]], devices: here },
  { kv: 'f16', heads: 4, kvHeads: 1, headDim: 80, name: 'decode: ALiBi, one key head', sequences: [[41, 1]], alibi: true, devices: here },
  { kv: 'f16', heads: 4, kvHeads: 4, headDim: 32, name: 'prefill: ALiBi', sequences: [[3, 21]], alibi: true, devices: here },
  { ...bytes, name: 'decode: ragged batch', sequences: [[0, 1], [15, 1], [70, 1]], fill: outliers },
  { ...bytes, name: 'decode: split keys', sequences: [[300, 1], [5, 1]], split: 2, devices: here },
  { ...bytes, name: 'prefill: later chunks', sequences: [[0, 2], [13, 20]], devices: lesser },
  { kv: 'int8', heads: 4, kvHeads: 1, headDim: 80, name: 'decode: halves that no lane divides', sequences: [[41, 1]], devices: here },
  { kv: 'f16', heads: 2, kvHeads: 1, headDim: 256, name: 'decode: widest heads', sequences: [[33, 1]], devices: here },
  { kv: 'f16', heads: 1, kvHeads: 1, headDim: 256, name: 'prefill: widest heads', sequences: [[3, 9]], devices: here },
] // prettier-ignore

export const cases: KernelCase[] = attentionCases.map(attentionCase)
