/** Normalisation of each token's vector, and rows picked out of a batch. Shapes in the shaders' headers. */
import gatherSource from '../../../../kernels/gather_rows.wgsl?raw'
import layerSource from '../../../../kernels/layer_norm.wgsl?raw'
import grid from '../../../../kernels/parts/grid.wgsl?raw'
import rmsSource from '../../../../kernels/rms_norm.wgsl?raw'
import { defineKernel } from './define-kernel'

export const rmsNorm = defineKernel({
  name: 'rms_norm',
  source: rmsSource,
  parts: [grid],
  inputs: { x: 'f32[tokens, dim]', w: 'f32[dim]' },
  outputs: { y: 'OUT[tokens, dim]' },
  params: { tokens: 'u32', dim: 'u32', eps: 'f32' },
  constants: ['OUT', 'ADD'],
  exchange: () => ({ vectors: 1, scalars: 0 }),
  workgroups: (s) => s.tokens,
  flops: (s) => s.tokens * ((s.ADD ? 5 : 4) * s.dim + 3),
  bytes: (s) => 4 * ((s.ADD ? 3 : 2) * s.tokens * s.dim + s.dim),
})

export const layerNorm = defineKernel({
  name: 'layer_norm',
  source: layerSource,
  parts: [grid],
  inputs: { x: 'f32[tokens, dim]', w: 'f32[dim]', b: 'f32[dim]' },
  outputs: { y: 'OUT[tokens, dim]' },
  params: { tokens: 'u32', dim: 'u32', eps: 'f32' },
  constants: ['OUT'],
  exchange: () => ({ vectors: 1, scalars: 0 }),
  workgroups: (s) => s.tokens,
  flops: (s) => s.tokens * (8 * s.dim + 4),
  bytes: (s) => 4 * (2 * s.tokens * s.dim + 2 * s.dim),
})

export const gatherRows = defineKernel({
  name: 'gather_rows',
  source: gatherSource,
  parts: [grid],
  inputs: { x: 'f32[tokens, dim]', rows: 'u32[count]' },
  outputs: { y: 'f32[count, dim]' },
  params: { count: 'u32', dim: 'u32' },
  workgroups: (s) => s.count,
  flops: () => 0,
  bytes: (s) => 4 * s.count * (2 * s.dim + 1),
})
