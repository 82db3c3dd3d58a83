/** Rotary positions and paged attention. Shapes in the shaders' headers. */
import attentionSource from '../../../../kernels/attention.wgsl?raw'
import combineSource from '../../../../kernels/attention_combine.wgsl?raw'
import kvF16 from '../../../../kernels/parts/kv_f16.wgsl?raw'
import kvF32 from '../../../../kernels/parts/kv_f32.wgsl?raw'
import kvI8 from '../../../../kernels/parts/kv_i8.wgsl?raw'
import kvLayout from '../../../../kernels/parts/kv_layout.wgsl?raw'
import ropeSource from '../../../../kernels/rope_store.wgsl?raw'
import { defineKernel, type Shape } from './define-kernel'

export const kvTypes = ['f16', 'f32', 'int8'] as const
export type KvType = (typeof kvTypes)[number]

/** Bytes that the keys (or the values) of one head and token take; int8 has two f32 scales beside the codes. */
export const kvHeadBytes = (type: KvType, headDim: number): number =>
  type === 'int8' ? headDim + 8 : headDim * (type === 'f16' ? 2 : 4)

/** Tokens of a block of the key/value cache. */
export const blockTokens = 16

const parts: Record<KvType, string[]> = { f16: [kvF16, kvLayout], f32: [kvF32, kvLayout], int8: [kvI8, kvLayout] }
const family = <K>(make: (type: KvType) => K) =>
  Object.fromEntries(kvTypes.map((t) => [t, make(t)])) as Record<KvType, K>

export const ropeStore = family((kv) =>
  defineKernel({
    name: `rope_store_${kv}`,
    source: ropeSource,
    parts: parts[kv],
    inputs: { angles: 'f32[tokens, rope_dim]', slots: 'u32[tokens]', qNorm: 'f32[HEAD_DIM]', kNorm: 'f32[HEAD_DIM]' },
    outputs: { qkv: 'IN[tokens, (HEADS + 2 KV_HEADS) * HEAD_DIM]', keys: `${kv} cache`, values: `${kv} cache` },
    params: { tokens: 'u32', rope_dim: 'u32', query_scale: 'f32', eps: 'f32' },
    constants: ['IN', 'HEAD_DIM', 'HEADS', 'KV_HEADS', 'NORM', 'ROPE'],
    exchange: () => ({ vectors: 1, scalars: 0 }),
    workgroups: (s) => [s.HEADS + 2 * s.KV_HEADS, s.tokens],
    flops: (s) =>
      s.tokens * (s.HEADS + s.KV_HEADS) * (s.ROPE * 3 * s.rope_dim + s.NORM * (4 * s.HEAD_DIM + 3)) +
      s.tokens * s.HEADS * s.HEAD_DIM,
    bytes: (s) =>
      s.tokens * (8 * s.HEAD_DIM * (s.HEADS + s.KV_HEADS) + 2 * s.KV_HEADS * kvHeadBytes(kv, s.HEAD_DIM)) +
      s.tokens * 4 * (1 + s.ROPE * s.rope_dim) +
      s.NORM * 8 * s.HEAD_DIM,
  }),
)

/** Measures: `queryKeys`, pairs of a token and a key it sees, over all tiles; `readKeys`, keys read by all tiles. */
const attentionFlops = (s: Shape) =>
  s.HEADS * (s.queryKeys * (4 * s.HEAD_DIM + 4 + s.ALIBI * 3) + (1 - s.PARTIAL) * s.tokens * s.HEAD_DIM)

/** Keys and values by every tile, queries, and results: partial ones hold a maximum and a sum more, padded to four. */
const attentionBytes = (kv: KvType) => (s: Shape) =>
  (2 * kvHeadBytes(kv, s.HEAD_DIM) * s.readKeys * s.HEADS) / s.HEADS_PER_TILE +
  4 * s.HEADS * (s.tokens * s.HEAD_DIM + (s.PARTIAL ? s.tiles * (s.HEAD_DIM + 4) : s.tokens * s.HEAD_DIM))

export const attention = family((kv) =>
  defineKernel({
    name: `attention_${kv}`,
    source: attentionSource,
    parts: parts[kv],
    inputs: {
      qkv: 'IN[tokens, (HEADS + 2 KV_HEADS) * HEAD_DIM]',
      keys: `${kv} cache`,
      values: `${kv} cache`,
      tables: 'u32[blocks]',
      tiles: 'u32[tiles, 8]',
      slopes: 'f32[HEADS]',
    },
    outputs: { out: 'OUT[tokens, HEADS * HEAD_DIM] or partial sums' },
    params: { window: 'u32' },
    measures: ['tiles', 'queryKeys', 'readKeys', 'tokens'],
    constants: ['IN', 'OUT', 'HEAD_DIM', 'HEADS', 'KV_HEADS', 'QUERY_TOKENS', 'HEADS_PER_TILE', 'ALIBI', 'PARTIAL'],
    exchange: (c) => ({ vectors: c.QUERY_TOKENS * c.HEADS_PER_TILE, scalars: c.QUERY_TOKENS * c.HEADS_PER_TILE }),
    workgroups: (s) => [s.HEADS / s.HEADS_PER_TILE, s.tiles],
    flops: attentionFlops,
    bytes: attentionBytes(kv),
  }),
)

export const attentionCombine = defineKernel({
  name: 'attention_combine',
  source: combineSource,
  inputs: { parts: 'f32[parts, HEADS, HEAD_DIM + 4]', spans: 'u32[tokens, 2]' },
  outputs: { out: 'OUT[tokens, HEADS * HEAD_DIM]' },
  params: { tokens: 'u32' },
  measures: ['parts'],
  constants: ['OUT', 'HEAD_DIM', 'HEADS'],
  workgroups: (s) => [s.HEADS, s.tokens],
  flops: (s) => s.parts * s.HEADS * (2 * s.HEAD_DIM + 5) + s.tokens * s.HEADS * s.HEAD_DIM,
  bytes: (s) => 4 * s.HEADS * (s.parts * (s.HEAD_DIM + 4) + s.tokens * s.HEAD_DIM) + 8 * s.tokens,
})
