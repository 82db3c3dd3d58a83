/** Activation functions of feed-forward layers. Shapes in the shader's header. */
import source from '../../../../kernels/activate.wgsl?raw'
import grid from '../../../../kernels/parts/grid.wgsl?raw'
import { defineKernel } from './define-kernel'

export const activationKinds = { silu: 0, gelu_tanh: 1, gelu: 2, relu: 3 } as const

export const activate = defineKernel({
  name: 'activate',
  source,
  parts: [grid],
  inputs: { x: 'IN[tokens, dim or 2 dim]' },
  outputs: { y: 'OUT[tokens, dim]' },
  params: { tokens: 'u32', dim: 'u32' },
  constants: ['IN', 'OUT', 'KIND', 'GATED', 'HALF', 'RUN'],
  workgroups: (s) => Math.ceil((s.tokens * s.dim) / 4 / (s.LANES * s.RUN)),
  // An elementary function is one: silu negates, takes exp, adds, divides; a gated one multiplies once more.
  flops: (s) => s.tokens * s.dim * ([4, 9, 5, 1][s.KIND] + (s.GATED ? 1 : 0)),
  bytes: (s) => 4 * s.tokens * s.dim * (s.GATED ? 3 : 2),
})
