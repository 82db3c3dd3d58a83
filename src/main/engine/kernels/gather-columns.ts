/** Inputs in the order of a matrix that was quantized out of order. Shapes in the shader's header. */
import source from '../../../../kernels/gather_columns.wgsl?raw'
import grid from '../../../../kernels/parts/grid.wgsl?raw'
import { defineKernel } from './define-kernel'

export const gatherColumns = defineKernel({
  name: 'gather_columns',
  source,
  parts: [grid],
  inputs: { x: 'IN[tokens, cols]', columns: 'u32[cols]' },
  outputs: { y: 'IN[tokens, cols]' },
  params: { tokens: 'u32', cols: 'u32' },
  constants: ['IN'],
  workgroups: (s) => s.tokens,
  flops: () => 0,
  bytes: (s) => 4 * s.cols * (2 * s.tokens + 1),
})
