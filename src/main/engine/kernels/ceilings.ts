/** What a device can do at best: the figures that every other kernel is held against. Shapes in the shaders' headers. */
import dotInt8Source from '../../../../kernels/dot_int8.wgsl?raw'
import multiplyAddSource from '../../../../kernels/multiply_add.wgsl?raw'
import grid from '../../../../kernels/parts/grid.wgsl?raw'
import streamCopySource from '../../../../kernels/stream_copy.wgsl?raw'
import streamReadSource from '../../../../kernels/stream_read.wgsl?raw'
import { defineKernel, type Shape } from './define-kernel'

export const streamRead = defineKernel({
  name: 'stream_read',
  source: streamReadSource,
  parts: [grid],
  inputs: { x: 'u32[count, 4]' },
  outputs: { out: 'u32[groups * LANES]' },
  params: { count: 'u32', run: 'u32', groups: 'u32' },
  workgroups: (s) => s.groups,
  flops: () => 0,
  bytes: (s) => 16 * countRead(s) + 4 * s.groups * s.LANES,
})

/** vec4s that all groups read together: whole rounds over x, then the first runs of it. */
function countRead({ count, run, groups }: Shape): number {
  const runs = Math.ceil(count / run)
  return Math.floor(groups / runs) * count + Math.min(count, (groups % runs) * run)
}

export const streamCopy = defineKernel({
  name: 'stream_copy',
  source: streamCopySource,
  parts: [grid],
  inputs: { x: 'u32[count, 4]' },
  outputs: { y: 'u32[count, 4]' },
  params: { count: 'u32', run: 'u32' },
  workgroups: (s) => Math.ceil(s.count / s.run),
  flops: () => 0,
  bytes: (s) => 32 * s.count,
})

export const multiplyAdd = defineKernel({
  name: 'multiply_add',
  source: multiplyAddSource,
  parts: [grid],
  inputs: { x: 'NUMBER[LANES, 16]' },
  outputs: { out: 'f32[groups * LANES]' },
  params: { groups: 'u32', rounds: 'u32', factor: 'f32', shift: 'f32' },
  constants: ['NUMBER'],
  workgroups: (s) => s.groups,
  flops: (s) => s.groups * s.LANES * (s.rounds * 8 * 16 * 2 + 15),
  bytes: (s) => 4 * s.LANES * (16 + s.groups),
})

export const dotInt8 = defineKernel({
  name: 'dot_int8',
  source: dotInt8Source,
  parts: [grid],
  inputs: { x: 'i32[LANES, 16]' },
  outputs: { out: 'i32[groups * LANES]' },
  params: { groups: 'u32', rounds: 'u32', factor: 'u32' },
  workgroups: (s) => s.groups,
  // Four products, three sums, and one more onto the chain.
  arithmetic: 'int8',
  flops: (s) => s.groups * s.LANES * (s.rounds * 8 * 16 * 8 + 15),
  bytes: (s) => 4 * s.LANES * (16 + s.groups),
})
