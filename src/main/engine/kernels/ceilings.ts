/** What a device can do at best: the figures that every other kernel is held against. Shapes in the shaders' headers. */
import multiplyAddSource from '../../../../kernels/multiply_add.wgsl?raw'
import grid from '../../../../kernels/parts/grid.wgsl?raw'
import streamReadSource from '../../../../kernels/stream_read.wgsl?raw'
import { defineKernel } from './define-kernel'

export const streamRead = defineKernel({
  name: 'stream_read',
  source: streamReadSource,
  parts: [grid],
  inputs: { x: 'u32[count, 4]' },
  outputs: { out: 'u32[groups * LANES]' },
  params: { count: 'u32', run: 'u32' },
  workgroups: (s) => Math.ceil(s.count / s.run),
  flops: () => 0,
  bytes: (s) => 16 * s.count + 4 * Math.ceil(s.count / s.run) * s.LANES,
})

export const multiplyAdd = defineKernel({
  name: 'multiply_add',
  source: multiplyAddSource,
  parts: [grid],
  inputs: { x: 'f32[LANES, 16]' },
  outputs: { out: 'f32[groups * LANES]' },
  params: { groups: 'u32', rounds: 'u32', factor: 'f32', shift: 'f32' },
  workgroups: (s) => s.groups,
  flops: (s) => s.groups * s.LANES * (s.rounds * 8 * 16 * 2 + 15),
  bytes: (s) => 4 * s.LANES * (16 + s.groups),
})
