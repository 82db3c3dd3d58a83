/** Cases of rope_store: head sizes, partial rotation, norms over heads, no positions, both cache types. */
import { blockTokens, kvTypes, ropeStore as spec, type KvType } from '../../src/main/engine/kernels/attention'
import { ropeStore } from '../reference/rope-store'
import { normal, outliers, type Fill } from './fill'
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
import { cacheIndex, decoded, emptyCache, scattered, type CacheShape } from './paged-cache'

interface RopeCase {
  name: string
  heads: number
  kvHeads: number
  headDim: number
  ropeDim: number
  norm: boolean
  tokens: number
  fill?: Fill
  devices?: DeviceName[]
}

const because =
  'a rotation adds two products, a norm’s root and products add eight roundings and its sum of one sign a rounding for a lane’s terms; ' +
  'f16 activations and cache entries add a conversion each, int8 entries half a code, or a whole one where rounding tips over; what no token owns stays as it is'

/** Cosines and sines of random angles: the kernel does not care which. */
function randomAngles(tokens: number, ropeDim: number): Float32Array<ArrayBuffer> {
  const angles = normal(3)((tokens * ropeDim) / 2, 5)
  const half = ropeDim / 2
  return Float32Array.from({ length: tokens * ropeDim }, (_, i) => {
    const t = Math.floor(i / ropeDim)
    const angle = angles[t * half + (i % half)]
    return i % ropeDim < half ? Math.cos(angle) : Math.sin(angle)
  })
}

function prepare(c: RopeCase, kv: KvType, type: 'f32' | 'f16'): KernelRun {
  const { heads, kvHeads, headDim, ropeDim, norm, tokens, fill = normal() } = c
  const width = (heads + 2 * kvHeads) * headDim
  const shape = { heads, kvHeads, headDim, ropeDim, queryScale: Math.fround(0.125), eps: Math.fround(1e-6) }
  const qkv = typed(fill(tokens * width, 1), type)
  const angles = randomAngles(tokens, ropeDim)
  const norms = { query: normal()(headDim, 2), key: normal()(headDim, 3) }
  const cache: CacheShape = { kv, kvHeads, headDim, blocks: Math.ceil(tokens / blockTokens) + 3 }
  const heldAs = kv === 'int8' ? 'f32' : kv
  const blocks = scattered(cache.blocks)
  const slots = Uint32Array.from({ length: tokens }, (_, t) => blocks[t % cache.blocks] * blockTokens + ((t * 5) % blockTokens)) // prettier-ignore
  const keys = emptyCache(cache, 3)
  const values = emptyCache(cache, 5)
  const held = (part: 'keys' | 'values', buffer: BufferData) =>
    Array.from(kv === 'int8' ? decoded(cache, part, buffer.buffer) : buffer)
  const expected = { qkv: Array.from(qkv), keys: held('keys', keys), values: held('values', values) }
  const none = (v: number[]) => v.map(() => 0)
  const slips = { qkv: none(expected.qkv), keys: none(expected.keys), values: none(expected.values) }
  for (let t = 0; t < tokens; t++) {
    const own = Array.from(qkv.subarray(t * width, (t + 1) * width))
    const angle = Array.from(angles.subarray(t * ropeDim, (t + 1) * ropeDim))
    const parts = ropeStore(own, angle, shape, norm ? norms : undefined)
    // Of the products that a rotation adds, one may cancel the other: bounds are relative to the largest of the head.
    const slip = (v: number[], i: number) =>
      largest(v.slice(Math.floor(i / headDim) * headDim, (Math.floor(i / headDim) + 1) * headDim)) * unit * (norm ? 12 + headDim / 32 : 4) // prettier-ignore
    parts.queries.forEach((v, i) => {
      expected.qkv[t * width + i] = v
      slips.qkv[t * width + i] = slip(parts.queries, i)
    })
    for (let i = 0; i < kvHeads * headDim; i++) {
      const at = [slots[t], Math.floor(i / headDim), i % headDim] as const
      const keyAt = cacheIndex(cache, 'keys', ...at)
      expected.keys[keyAt] = parts.keys[i]
      slips.keys[keyAt] = slip(parts.keys, i) + codeStep(kv, parts.keys, i, headDim)
      const valueAt = cacheIndex(cache, 'values', ...at)
      expected.values[valueAt] = parts.values[i]
      slips.values[valueAt] = codeStep(kv, parts.values, i, headDim)
    }
  }
  return {
    constants: { IN: type, HEAD_DIM: headDim, HEADS: heads, KV_HEADS: kvHeads, NORM: norm, ROPE: ropeDim > 0 },
    values: { tokens, rope_dim: ropeDim, query_scale: shape.queryScale, eps: shape.eps },
    buffers: {
      angles: ropeDim > 0 ? angles : new Float32Array(4),
      slots,
      qNorm: norm ? norms.query : new Float32Array(4),
      kNorm: norm ? norms.key : new Float32Array(4),
      qkv,
      keys,
      values,
    },
    expected: [
      { output: 'qkv', type, values: expected.qkv, allowed: stored(expected.qkv, type, slips.qkv) },
      ...(['keys', 'values'] as const).map((part) => ({
        output: part,
        type: heldAs,
        values: expected[part],
        allowed: stored(expected[part], heldAs, slips[part]),
        ...(kv === 'int8' && { ordered: (bytes: ArrayBuffer) => decoded(cache, part, bytes).buffer }),
      })),
    ],
  }
}

/** How far rounding to a code moves an element: the scale is the largest of its half of the head. */
function codeStep(kv: KvType, v: number[], i: number, headDim: number): number {
  if (kv !== 'int8') return 0
  const first = i - (i % (headDim / 2))
  return (0.51 * largest(v.slice(first, first + headDim / 2))) / 127
}

const largest = (v: number[]) => v.reduce((most, e) => Math.max(most, Math.abs(e)), 0)

const rest = ['as it is', 'without subgroups'] satisfies DeviceName[]

const shapes: RopeCase[] = [
  { name: 'one token, smallest heads', heads: 4, kvHeads: 2, headDim: 16, ropeDim: 16, norm: false, tokens: 1 },
  { name: 'grouped heads over blocks', heads: 4, kvHeads: 2, headDim: 16, ropeDim: 16, norm: false, tokens: 37 },
  { name: 'norms over heads', heads: 3, kvHeads: 1, headDim: 128, ropeDim: 128, norm: true, tokens: 5, fill: outliers },
  { name: 'part of each head turns', heads: 2, kvHeads: 2, headDim: 80, ropeDim: 32, norm: false, tokens: 7, devices: rest },
  { name: 'no positions', heads: 2, kvHeads: 2, headDim: 64, ropeDim: 0, norm: false, tokens: 7, devices: rest },
  { name: 'widest heads', heads: 2, kvHeads: 1, headDim: 256, ropeDim: 256, norm: true, tokens: 3, devices: rest },
] // prettier-ignore

export const cases: KernelCase[] = kvTypes.flatMap((kv) =>
  shapes.map((c) => ({
    kernel: spec[kv],
    name: c.name,
    because,
    devices: c.devices,
    prepare: (p) => prepare(c, kv, activationType(p)),
  })),
)
