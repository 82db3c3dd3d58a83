/** Matrix kernels, one for each weight format and algorithm. Shapes in the shaders' headers. */
import tiled from '../../../../kernels/matmul_tiled.wgsl?raw'
import vec from '../../../../kernels/matmul_vec.wgsl?raw'
import outputs from '../../../../kernels/parts/matmul_outputs.wgsl?raw'
import { defineKernel, type Shape } from './define-kernel'
import { packedFormats, type PackedFormat } from '../quant/packed-layout'
import { weightBytes, weightParts } from './weight-formats'

/** Numbers of bytes of IN and OUT do not show in a shape (they are types), so activations count as f32. */
const bytes = (format: PackedFormat) => (s: Shape) =>
  weightBytes(format, s.rows, s.cols, s) +
  4 * s.tokens * (s.cols + s.rows * (s.ADD ? 2 : 1)) +
  (s.BIAS ? 4 * s.rows : 0)
const flops = (s: Shape) =>
  2 * s.tokens * s.rows * s.cols + (s.BIAS ? s.tokens * s.rows : 0) + (s.ADD ? s.tokens * s.rows : 0)
/** Tiles of rows, one a workgroup. */
export const tilesOf = (s: Shape) => Math.ceil(s.rows / (s.LANES * 4))

const bindings = {
  inputs: {
    weights: 'u32 packed [rows, cols]',
    scales: 'u32 packed',
    highBits: 'u32 packed',
    x: 'IN[tokens, cols]',
    bias: 'f32[rows]',
  },
  outputs: { y: 'OUT[tokens, out_stride]' },
  params: { tokens: 'u32', cols: 'u32', steps: 'u32', rows: 'u32', out_offset: 'u32', out_stride: 'u32' },
} as const

const define = (
  format: PackedFormat,
  name: string,
  source: string,
  extra: { exchange: (c: Shape) => { vectors: number; scalars: number }; workgroups: (s: Shape) => [number, number] },
) =>
  defineKernel({
    name: `${name}_${format}`,
    source,
    parts: [...weightParts(format), outputs],
    ...bindings,
    constants: ['IN', 'OUT', 'SCALED', 'MINIMUM', 'ZERO', 'WIDE', 'GROUP', 'OFFSET', 'BIAS', 'ADD', 'OCTETS'],
    ...extra,
    flops,
    bytes: bytes(format),
  })

type MatmulKernel = ReturnType<typeof define>
const family = (make: (format: PackedFormat) => MatmulKernel) =>
  Object.fromEntries(packedFormats.map((f) => [f, make(f)])) as Record<PackedFormat, MatmulKernel>

export const matmulVec = family((format) =>
  define(format, 'matmul_vec', vec, {
    exchange: () => ({ vectors: 1, scalars: 0 }),
    workgroups: (s) => [tilesOf(s), s.tokens],
  }),
)

export const matmulTiled = family((format) =>
  define(format, 'matmul_tiled', tiled, {
    exchange: (c) => ({ vectors: c.OCTETS * 2, scalars: 0 }),
    workgroups: (s) => [tilesOf(s), Math.ceil(s.tokens / (s.OCTETS * 8))],
  }),
)
