/** Products of int8 weights and int8 activations: LLM.int8(), or plain W8A8 where no input is an outlier. Shapes in the shaders' headers. */
import inputsSource from '../../../../kernels/int8_inputs.wgsl?raw'
import tiledSource from '../../../../kernels/matmul_int8_tiled.wgsl?raw'
import vecSource from '../../../../kernels/matmul_int8_vec.wgsl?raw'
import grid from '../../../../kernels/parts/grid.wgsl?raw'
import outputs from '../../../../kernels/parts/matmul_outputs.wgsl?raw'
import products from '../../../../kernels/parts/int8_products.wgsl?raw'
import scales from '../../../../kernels/parts/weights_scales.wgsl?raw'
import { defineKernel, type Shape } from './define-kernel'
import { outputBytes, product, tilesOf } from './matmul'
import { weightBytes } from './weight-formats'

/** Tokens whose outliers are outliers together. */
export const outlierBlock = 8

const inputBytes = (s: Shape) => s.tokens * (s.steps * 32 + 4) + 4 * Math.ceil(s.tokens / outlierBlock) * s.steps

export const int8Inputs = defineKernel({
  name: 'int8_inputs',
  source: inputsSource,
  parts: [grid],
  inputs: { x: 'IN[tokens, cols]' },
  outputs: {
    codes: 'u32[tokens, steps * 8]',
    inputScales: 'f32[tokens]',
    outliers: 'u32[ceil(tokens / 8), steps]',
  },
  params: { tokens: 'u32', cols: 'u32', steps: 'u32', threshold: 'f32' },
  constants: ['IN'],
  exchange: () => ({ vectors: 1, scalars: 0 }),
  workgroups: (s) => Math.ceil(s.tokens / outlierBlock),
  // Each input is divided; a scale is a division too.
  flops: (s) => s.tokens * (s.cols + 1),
  bytes: (s) => 4 * s.tokens * s.cols + inputBytes(s),
})

/** Numbers of outliers are known on the device alone, so their products and reads are not counted. */
const shared = {
  ...product,
  arithmetic: 'int8',
  parts: [scales, products, outputs],
  inputs: {
    weights: 'u32 packed [rows, cols]',
    scales: 'u32 packed',
    codes: 'u32[tokens, steps * 8]',
    inputScales: 'f32[tokens]',
    outliers: 'u32[ceil(tokens / 8), steps]',
    x: 'IN[tokens, cols]',
    bias: 'f32[rows]',
  },
  constants: ['IN', 'OUT', 'WIDE', 'GROUP', 'BIAS', 'ADD', 'OCTETS'],
  bytes: (s: Shape) => weightBytes('q8', s.rows, s.cols, s) + inputBytes(s) + outputBytes(s),
} as const

export const matmulInt8Vec = defineKernel({
  name: 'matmul_int8_vec',
  source: vecSource,
  ...shared,
  workgroups: (s) => [tilesOf(s), s.tokens],
})

export const matmulInt8Tiled = defineKernel({
  name: 'matmul_int8_tiled',
  source: tiledSource,
  ...shared,
  workgroups: (s) => [tilesOf(s), Math.ceil(s.tokens / (s.OCTETS * 8))],
})
