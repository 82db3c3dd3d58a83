/** Cases of matmul_vec and matmul_tiled: every weight type, layouts of quantization methods, tails, offsets, additions. */
import { matmulTiled, matmulVec } from '../../src/main/engine/kernels/matmul'
import { stepsOf } from '../../src/main/engine/quant/packed-layout'
import { matmul } from '../reference/matmul'
import { affineWeights, type AffineLayout } from './affine-tiles'
import { normal, outliers, zeros, type Fill } from './fill'
import {
  activationType,
  deviceNames,
  stored,
  typed,
  unit,
  type DeviceName,
  type KernelCase,
  type KernelRun,
} from './kernel-case'
import {
  methods,
  methodWeights,
  typedWeights,
  weightBuffers,
  weightConstants,
  weightTypes,
  type CaseWeights,
  type WeightType,
} from './weights'

interface MatmulCase {
  tokens: number
  rows: number
  cols: number
  weights: (rows: number, cols: number, lanes: number, seed: number) => CaseWeights
  fill?: Fill
  bias?: boolean
  add?: boolean
  /** Columns of y before and after the matrix's, multiples of 4. */
  before?: number
  after?: number
  octets?: 1 | 2
  /** Types of x and y; default: the device's activation type, and f32. */
  input?: 'f32'
  halfOutput?: boolean
}

const because =
  'f32 sums of cols products in any order are off by about sqrt(cols) roundings of sum |x| |w|, eight more for taking codes, scales ' +
  'and minima apart; an f16 output adds a conversion'

function prepare(c: MatmulCase, lanes: number, half: 'f32' | 'f16'): KernelRun {
  const { tokens, rows, cols, bias = false, add = false, before = 0, after = 0, fill = normal() } = c
  const { layout, tiles, values, magnitudes } = c.weights(rows, cols, lanes, 7)
  const types = { input: c.input ?? half, output: c.halfOutput ? half : ('f32' as const) }
  const x = typed(fill(tokens * cols, 1), types.input)
  const stride = before + Math.ceil(rows / 4) * 4 + after
  const biases = normal()(stride, 2)
  const y = typed(normal()(tokens * stride, 3), types.output)
  const own = <T extends ArrayLike<number>>(all: T, t: number) =>
    Array.from({ length: rows }, (_, n) => all[t * stride + before + n])
  const y0 = Array.from({ length: tokens }, (_, t) => own(y, t)).flat()
  const twin = (f: (v: number) => number, w: ArrayLike<number>) => {
    const each = (v: ArrayLike<number>) => Array.from(v, f)
    return matmul(
      each(x),
      w,
      { tokens, rows, cols },
      bias ? each(own(biases, 0)) : undefined,
      add ? each(y0) : undefined,
    )
  }
  const sums = twin((v) => v, values)
  const errors = stored(sums, types.output, twin(Math.abs, magnitudes).map((m) => m * unit * (8 + Math.sqrt(cols)))) // prettier-ignore
  // What lies beside the matrix's columns stays; columns that pad its rows to four are nobody's.
  const expected = Array.from(y)
  const allowed = expected.map(() => 0)
  for (let t = 0; t < tokens; t++) {
    for (let n = 0; n < stride - before - after; n++) {
      const at = t * stride + before + n
      expected[at] = n < rows ? sums[t * rows + n] : 0
      allowed[at] = n < rows ? errors[t * rows + n] : Infinity
    }
  }
  return {
    constants: {
      IN: types.input,
      OUT: types.output,
      ...weightConstants(layout),
      BIAS: bias,
      ADD: add,
      OCTETS: c.octets ?? 1,
    },
    values: { tokens, cols, steps: stepsOf(cols), rows, out_offset: before, out_stride: stride },
    buffers: { ...weightBuffers(tiles), x, bias: biases, y },
    expected: [{ output: 'y', type: types.output, values: expected, allowed }],
  }
}

const weightsOf = (type: WeightType): MatmulCase['weights'] => (...args) => typedWeights(type, ...args) // prettier-ignore
const affineOf = (layout: AffineLayout): MatmulCase['weights'] => (...args) => affineWeights(layout, ...args) // prettier-ignore

/** Both algorithms on the same numbers; the tiled one with more tokens. */
function both(
  name: string,
  c: MatmulCase,
  format: keyof typeof matmulVec,
  devices = deviceNames as readonly DeviceName[],
): KernelCase[] {
  const tiledTokens = c.tokens === 1 ? 11 : c.tokens + 14
  return [
    {
      kernel: matmulVec[format],
      name,
      because,
      devices,
      prepare: (p) => prepare({ ...c, octets: 1 }, p.lanes, activationType(p)),
    },
    {
      kernel: matmulTiled[format],
      name,
      because,
      devices,
      prepare: (p) => prepare({ ...c, tokens: tiledTokens }, p.lanes, activationType(p)),
    },
  ]
}

const formats: Record<WeightType, keyof typeof matmulVec> = {
  q4_0: 'q4', q4_1: 'q4', q5_0: 'q5', q5_1: 'q5', q8_0: 'q8', q2_k: 'q4', q3_k: 'q4', q4_k: 'q4', q5_k: 'q5', q6_k: 'q8',
  iq4_nl: 'q8', iq4_xs: 'q8', f16: 'f16', bf16: 'bf16', f32: 'f32',
} // prettier-ignore

/** Beside this machine's device: each way of packing and of scaling once. */
const typesOf: Record<Exclude<DeviceName, 'as it is'>, WeightType[]> = {
  'without subgroups': ['q4_0', 'q5_1', 'q8_0', 'q2_k', 'q6_k', 'f16'],
  'without shader-f16': ['q4_1', 'q5_0', 'q3_k', 'iq4_xs', 'bf16', 'f16'],
  '32 lanes': ['q4_0', 'q5_1', 'q2_k', 'q6_k'],
}

/** Every type in one variant (they take long to compile), and in it every shape. */
const typeCases = weightTypes.flatMap((type, i) => {
  const weights = weightsOf(type)
  const superBlocks = /_k$|_xs$/.test(type)
  const variant = { weights, bias: i % 2 === 0, add: i % 4 < 2, halfOutput: i % 3 === 0 }
  const width = superBlocks ? 256 : 32
  const devices = deviceNames.filter((d) => d === 'as it is' || typesOf[d].includes(type))
  const shapes: [string, Partial<MatmulCase> & { tokens: number; rows: number; cols: number }][] = [
    ['one row, one block of inputs', { tokens: 1, rows: 1, cols: width }],
    ['prime rows over several tiles, outliers', { tokens: 1, rows: 131, cols: 3 * width, fill: outliers }],
    ['columns beside it stay', { tokens: 3, rows: 37, cols: 2 * width, before: 8, after: 12 }],
  ]
  return shapes.flatMap(([name, c]) => both(`${type}, ${name}`, { ...variant, ...c }, formats[type], devices))
})

const layout = (l: Partial<AffineLayout> & Pick<AffineLayout, 'format' | 'group'>): AffineLayout => ({
  offset: 0,
  minimum: false,
  zero: false,
  wide: false,
  ...l,
})

/** Symmetric and asymmetric groups of quantization methods, with inputs that end inside a group and inside a step. */
const methodCases = [
  { name: 'groups of 64 with minimum', cols: 160, layout: layout({ format: 'q4', group: 64, minimum: true }) },
  { name: 'groups of 128, symmetric', cols: 300, layout: layout({ format: 'q4', group: 128, offset: 8 }) },
  { name: 'a row with one scale', cols: 96, layout: layout({ format: 'q8', group: 96, wide: true }) },
  { name: 'groups of 128, wide with minimum', cols: 260, layout: layout({ format: 'q5', group: 128, minimum: true, wide: true }) },
].flatMap((c) =>
  both(c.name, { weights: affineOf(c.layout), tokens: 2, rows: 67, cols: c.cols }, c.layout.format, ['as it is']),
) // prettier-ignore

/** Each on this machine's device; those with a format of their own on the others too, once each. */
const everywhere = ['2 bits, groups of 64', '3 bits, groups of 64', '6 bits, groups of 64', 'NF4, blocks of 64', 'FP4, blocks of 64'] // prettier-ignore
const codeCases = Object.entries(methods).flatMap(([name, m]) => {
  const cols = m.group === 'row' ? 100 : 192
  const { format } = methodWeights(m, 1, cols, 8, 1).layout
  const devices: readonly DeviceName[] = everywhere.includes(name) ? deviceNames : ['as it is']
  const weights: MatmulCase['weights'] = (...args) => methodWeights(m, ...args)
  return both(name, { weights, tokens: 2, rows: 67, cols, fill: outliers }, format, devices)
})

const f32Weights = weightsOf('f32')
const shapeCases = [
  { name: 'one input quarter', c: { tokens: 1, rows: 4, cols: 4 } },
  { name: 'inputs end inside a step, prime tokens', c: { tokens: 5, rows: 6, cols: 1028 } },
  { name: 'zeros', c: { tokens: 2, rows: 9, cols: 36, fill: zeros } },
  { name: 'huge inputs', c: { tokens: 1, rows: 9, cols: 36, fill: normal(1e30) } },
  { name: 'tokens fill blocks exactly', c: { tokens: 2, rows: 33, cols: 64 } },
].flatMap(({ name, c }) =>
  both(name, { ...c, weights: f32Weights, input: 'f32', octets: 2 }, 'f32', ['as it is', '32 lanes']),
)

export const cases: KernelCase[] = [...typeCases, ...methodCases, ...codeCases, ...shapeCases]
