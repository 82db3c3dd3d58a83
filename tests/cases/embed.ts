/** Cases of embed: every weight type, ids inside and outside the piece, tails, adding, folded grids. */
import { embed as spec } from '../../src/main/engine/kernels/embed'
import { stepsOf } from '../../src/main/engine/quant/packed-layout'
import { embed } from '../reference/embed'
import { affineWeights } from './affine-tiles'
import { normal, random } from './fill'
import { unit, type KernelCase, type KernelRun } from './kernel-case'
import {
  methods,
  methodWeights,
  typedWeights,
  weightBuffers,
  weightConstants,
  weightTypes,
  type CaseWeights,
} from './weights'

interface EmbedCase {
  tokens: number
  rows: number
  cols: number
  firstRow?: number
  /** Ids are drawn below this; default: the piece's end. */
  vocab?: number
  add?: boolean
  scale?: number
}

const because =
  'a weight is rounded once when scaled, once when its minimum is added, once for the scale, once when added to y'

function prepare(c: EmbedCase, { layout, tiles, values, magnitudes }: CaseWeights): KernelRun {
  const { tokens, rows, cols, firstRow = 0, add = false, scale = 1, vocab = firstRow + rows } = c
  const next = random(5)
  const ids = Uint32Array.from({ length: tokens }, () => Math.floor(next() * vocab))
  const y = normal()(tokens * cols, 6)
  const shape = { rows, cols, firstRow }
  const expected = embed(ids, values, shape, scale, y, add)
  const allowed = embed(ids, magnitudes, shape, Math.abs(scale), y.map(Math.abs), true).map((m) => 4 * unit * m)
  const { MINIMUM, ZERO, WIDE, GROUP, OFFSET } = weightConstants(layout)
  return {
    constants: { MINIMUM, ZERO, WIDE, GROUP, OFFSET, ADD: add },
    values: { tokens, cols, steps: stepsOf(cols), rows, first_row: firstRow, scale },
    buffers: { ...weightBuffers(tiles), ids, y },
    expected: [{ output: 'y', type: 'f32', values: expected, allowed }],
  }
}

/** The shader is the same with and without subgroups and shader-f16. */
const devices = ['as it is'] as const

const typeCases: KernelCase[] = weightTypes.flatMap((type, i) => {
  const width = /_k$|_xs$/.test(type) ? 256 : 32
  const variant = { add: i % 2 === 0, scale: i % 3 === 0 ? 1 : 11.3 }
  const shapes: [string, EmbedCase][] = [
    ['one row, one block', { tokens: 1, rows: 1, cols: width, ...variant }],
    ['a piece in the middle of the vocabulary', { tokens: 41, rows: 67, cols: 2 * width, firstRow: 30, vocab: 120, ...variant }],
  ] // prettier-ignore
  return shapes.map(([name, c]) => ({
    kernel: spec[typedWeights(type, 1, width, 8, 1).layout.format],
    name: `${type}, ${name}`,
    because,
    devices: ['q4_0', 'q5_1', 'q2_k', 'f32'].includes(type) ? ['as it is', '32 lanes'] : devices,
    prepare: ({ lanes }) => prepare(c, typedWeights(type, c.rows, c.cols, lanes, 7)),
  }))
})

const methodCases: KernelCase[] = Object.entries(methods).map(([name, m], i) => {
  const cols = m.group === 'row' ? 100 : 192
  const rows = 41
  return {
    kernel: spec[methodWeights(m, 1, cols, 8, 1).layout.format],
    name,
    because,
    devices,
    prepare: ({ lanes }) =>
      prepare({ tokens: 23, rows, cols, add: i % 2 === 0 }, methodWeights(m, rows, cols, lanes, 7)),
  }
})

const long = { format: 'q4', group: 128, offset: 0, minimum: true, zero: false, wide: false } as const

export const cases: KernelCase[] = [
  ...typeCases,
  ...methodCases,
  {
    kernel: spec.f32,
    name: 'columns that end inside a step',
    because,
    devices,
    prepare: ({ lanes }) => prepare({ tokens: 7, rows: 37, cols: 100 }, typedWeights('f32', 37, 100, lanes, 7)),
  },
  {
    kernel: spec.f32,
    name: 'more tokens than a grid has workgroups on one side',
    because,
    devices,
    prepare: ({ lanes }) => prepare({ tokens: 70_001, rows: 5, cols: 4 }, typedWeights('f32', 5, 4, lanes, 7)),
  },
  {
    kernel: spec.q4,
    name: 'groups of 128 that end in padding',
    because,
    devices,
    prepare: ({ lanes }) => prepare({ tokens: 9, rows: 40, cols: 160 }, affineWeights(long, 40, 160, lanes, 7)),
  },
]
