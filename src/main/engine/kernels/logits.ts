/** From logits to tokens: penalties, arg max, top-k candidates, losses. Shapes in the shaders' headers. */
import adjustSource from '../../../../kernels/adjust_logits.wgsl?raw'
import slicesSource from '../../../../kernels/logits_slices.wgsl?raw'
import grid from '../../../../kernels/parts/grid.wgsl?raw'
import lossSource from '../../../../kernels/token_loss.wgsl?raw'
import collectSource from '../../../../kernels/top_k_collect.wgsl?raw'
import thresholdSource from '../../../../kernels/top_k_threshold.wgsl?raw'
import { defineKernel } from './define-kernel'

/** Slices of a row of logits; also the largest k that candidates can be collected for. */
export const logitSlices = 256
/** Candidates kept for a row. */
export const topKCapacity = 1024

export const adjustLogits = defineKernel({
  name: 'adjust_logits',
  source: adjustSource,
  parts: [grid],
  inputs: { entries: 'f32[count, 4]' },
  outputs: { logits: 'f32[rows, stride]' },
  params: { count: 'u32' },
  workgroups: (s) => Math.ceil(s.count / s.LANES),
  flops: (s) => 2 * s.count,
  bytes: (s) => 24 * s.count,
})

export const logitsSlices = defineKernel({
  name: 'logits_slices',
  source: slicesSource,
  inputs: { logits: 'f32[rows, stride]' },
  outputs: { slices: 'f32[rows, SLICES, 4]' },
  params: { rows: 'u32', vocab: 'u32', stride: 'u32' },
  constants: ['SLICES'],
  exchange: () => ({ vectors: 1, scalars: 0 }),
  workgroups: (s) => [s.SLICES, s.rows],
  flops: (s) => 4 * s.rows * s.vocab,
  bytes: (s) => 4 * s.rows * (s.vocab + 4 * s.SLICES),
})

export const topKThreshold = defineKernel({
  name: 'top_k_threshold',
  source: thresholdSource,
  inputs: { slices: 'f32[rows, SLICES, 4]' },
  outputs: { thresholds: 'f32[rows]', counts: 'u32[rows]' },
  params: { rows: 'u32', k: 'u32' },
  constants: ['SLICES'],
  workgroups: (s) => s.rows,
  flops: (s) => s.rows * s.SLICES * s.SLICES,
  bytes: (s) => s.rows * (16 * s.SLICES + 8),
})

export const topKCollect = defineKernel({
  name: 'top_k_collect',
  source: collectSource,
  inputs: { logits: 'f32[rows, stride]', thresholds: 'f32[rows]' },
  outputs: { counts: 'u32[rows]', candidates: 'u32[rows, CAPACITY, 2]' },
  params: { rows: 'u32', vocab: 'u32', stride: 'u32' },
  constants: ['CAPACITY'],
  workgroups: (s) => [Math.ceil(s.vocab / (s.LANES * 64)), s.rows],
  flops: (s) => s.rows * s.vocab,
  // The candidates found, few as they are, depend on the logits and are left out.
  bytes: (s) => 4 * s.rows * (s.vocab + 3),
})

export const tokenLoss = defineKernel({
  name: 'token_loss',
  source: lossSource,
  parts: [grid],
  inputs: { logits: 'f32[rows, stride]', targets: 'u32[rows]' },
  outputs: { losses: 'f32[rows]' },
  params: { rows: 'u32', vocab: 'u32', stride: 'u32' },
  exchange: () => ({ vectors: 1, scalars: 0 }),
  workgroups: (s) => s.rows,
  flops: (s) => s.rows * (4 * s.vocab + 3),
  bytes: (s) => 4 * s.rows * (s.vocab + 2),
})
