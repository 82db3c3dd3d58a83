/** One vector a sequence. Shapes in the shader's header. */
import grid from '../../../../kernels/parts/grid.wgsl?raw'
import source from '../../../../kernels/pool.wgsl?raw'
import { defineKernel } from './define-kernel'

export const poolingModes = { mean: 0, max: 1, cls: 2, last: 3 } as const
export type PoolingMode = keyof typeof poolingModes

/** Measures: `tokens` of all sequences together. */
export const pool = defineKernel({
  name: 'pool',
  source,
  parts: [grid],
  inputs: { x: 'f32[tokens, dim]', spans: 'u32[sequences, 2]' },
  outputs: { y: 'f32[sequences, dim]' },
  params: { sequences: 'u32', dim: 'u32' },
  measures: ['tokens'],
  constants: ['MODE', 'NORMALIZE'],
  exchange: () => ({ vectors: 1, scalars: 0 }),
  workgroups: (s) => s.sequences,
  flops: (s) => (s.MODE < 2 ? s.tokens * s.dim : 0) + s.NORMALIZE * s.sequences * (3 * s.dim + 2),
  bytes: (s) => 4 * s.dim * ((s.MODE < 2 ? s.tokens : s.sequences) + s.sequences) + 8 * s.sequences,
})
