/** Rows of a packed matrix by id, one kernel a weight format. */
import source from '../../../../kernels/embed.wgsl?raw'
import grid from '../../../../kernels/parts/grid.wgsl?raw'
import { defineKernel } from './define-kernel'
import { packedFormats, type PackedFormat } from '../quant/packed-layout'
import { weightBytes, weightParts } from './weight-formats'

const define = (format: PackedFormat) =>
  defineKernel({
    name: `embed_${format}`,
    source,
    parts: [grid, ...weightParts(format)],
    inputs: { weights: 'u32 packed [rows, cols]', scales: 'u32 packed', highBits: 'u32 packed', ids: 'u32[tokens]' },
    outputs: { y: 'f32[tokens, cols]' },
    params: { tokens: 'u32', cols: 'u32', steps: 'u32', rows: 'u32', first_row: 'u32', scale: 'f32' },
    constants: ['MINIMUM', 'ZERO', 'WIDE', 'GROUP', 'OFFSET', 'ADD'],
    workgroups: (s) => s.tokens,
    // Unpacking weights counts nowhere.
    flops: (s) => s.tokens * s.cols * (s.ADD ? 2 : 1),
    bytes: (s) => weightBytes(format, s.tokens, s.cols, s) + 4 * s.tokens * (s.cols * (s.ADD ? 2 : 1) + 1),
  })

export const embed = Object.fromEntries(packedFormats.map((f) => [f, define(f)])) as Record<
  PackedFormat,
  ReturnType<typeof define>
>
