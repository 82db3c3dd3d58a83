/** Matrix kernels, one for each weight format and algorithm. Shapes in the shaders' headers. */
import tiled from '../../../../kernels/matmul_tiled.wgsl?raw'
import vec from '../../../../kernels/matmul_vec.wgsl?raw'
import outputs from '../../../../kernels/parts/matmul_outputs.wgsl?raw'
import { defineKernel, type Shape } from './define-kernel'
import { packedFormats, type PackedFormat } from '../quant/packed-layout'
import { weightBytes, weightParts } from './weight-formats'

/** What every matrix product writes, is told and computes, whatever its weights and inputs are. */
export const product = {
  outputs: { y: 'OUT[tokens, out_stride]' },
  params: { tokens: 'u32', cols: 'u32', steps: 'u32', rows: 'u32', out_offset: 'u32', out_stride: 'u32' },
  flops: (s: Shape) =>
    2 * s.tokens * s.rows * s.cols + (s.BIAS ? s.tokens * s.rows : 0) + (s.ADD ? s.tokens * s.rows : 0),
} as const

/** Bytes of its results, read too where they are added to, and of the bias. Types do not show in a shape: they count as f32. */
export const outputBytes = (s: Shape): number => 4 * s.tokens * s.rows * (s.ADD ? 2 : 1) + (s.BIAS ? 4 * s.rows : 0)

/** Tiles of rows, one a workgroup. */
export const tilesOf = (s: Shape): number => Math.ceil(s.rows / (s.LANES * 4))

const inputs = {
  weights: 'u32 packed [rows, cols]',
  scales: 'u32 packed',
  highBits: 'u32 packed',
  x: 'IN[tokens, cols]',
  bias: 'f32[rows]',
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
    inputs,
    ...product,
    constants: ['IN', 'OUT', 'SCALED', 'MINIMUM', 'ZERO', 'WIDE', 'GROUP', 'OFFSET', 'BIAS', 'ADD', 'OCTETS'],
    ...extra,
    bytes: (s) => weightBytes(format, s.rows, s.cols, s) + 4 * s.tokens * s.cols + outputBytes(s),
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
