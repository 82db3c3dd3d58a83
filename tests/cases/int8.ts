/** Cases of int8_inputs, matmul_int8_vec and matmul_int8_tiled: outliers in some blocks and in none, tails, groups, scales of both widths. */
import { int8Inputs as inputsSpec, matmulInt8Tiled, matmulInt8Vec } from '../../src/main/engine/kernels/int8'
import { stepsOf } from '../../src/main/engine/quant/packed-layout'
import { int8Inputs, type Int8Inputs } from '../reference/int8-inputs'
import { matmulInt8 } from '../reference/matmul-int8'
import { affineWeights, type AffineLayout } from './affine-tiles'
import { normal, outliers, zeros, type Fill } from './fill'
import { activationType, stored, typed, unit, type DeviceName, type KernelCase, type KernelRun } from './kernel-case'

const threshold = 6

/** Codes and outliers as the kernels hold them. */
function packed({ codes, scales, outliers: which }: Int8Inputs, cols: number) {
  const tokens = scales.length
  const steps = stepsOf(cols)
  const bytes = new Int8Array(tokens * steps * 32)
  const bits = new Uint32Array(Math.ceil(tokens / 8) * steps)
  codes.forEach((code, i) => {
    const [t, k] = [Math.floor(i / cols), i % cols]
    bytes[t * steps * 32 + k] = code
    if (which[i]) bits[Math.floor(t / 8) * steps + (k >> 5)] |= 1 << (k & 31)
  })
  return { codes: new Uint32Array(bytes.buffer), inputScales: Float32Array.from(scales), outliers: bits }
}

interface InputsCase {
  name: string
  tokens: number
  cols: number
  fill?: Fill
  threshold?: number
  devices?: DeviceName[]
}

function prepareInputs(c: InputsCase, type: 'f32' | 'f16'): KernelRun {
  const { tokens, cols, fill = normal() } = c
  const own = c.threshold ?? threshold
  const x = typed(fill(tokens * cols, 1), type)
  const expected = int8Inputs(x, cols, own)
  const words = packed(expected, cols)
  const steps = stepsOf(cols)
  const bytes = Array.from(new Int8Array(words.codes.buffer))
  // Near the middle between two codes the quotient's rounding decides.
  const close = (i: number) => {
    const [t, k] = [Math.floor(i / (steps * 32)), i % (steps * 32)]
    if (k >= cols) return false
    const rest = Math.abs(x[t * cols + k] / expected.scales[t]) % 1
    return Math.abs(rest - 0.5) < 1e-4
  }
  return {
    constants: { IN: type },
    values: { tokens, cols, steps, threshold: own },
    buffers: {
      x,
      codes: new Uint32Array(words.codes.length).fill(7),
      inputScales: new Float32Array(tokens),
      outliers: new Uint32Array(words.outliers.length).fill(7),
    },
    expected: [
      {
        output: 'codes',
        type: 'f32',
        values: bytes,
        allowed: bytes.map((_, i) => (close(i) ? 1 : 0)),
        ordered: (buffer) => Float32Array.from(new Int8Array(buffer)).buffer,
      },
      {
        output: 'inputScales',
        type: 'f32',
        values: expected.scales,
        allowed: expected.scales.map((s) => s * 3 * unit),
      },
      { output: 'outliers', type: 'u32', values: words.outliers, allowed: 0 },
    ],
  }
}

const inputsCases = (
  [
    { name: 'one token, four inputs', tokens: 1, cols: 4 },
    { name: 'tokens and inputs end inside a block and a step', tokens: 11, cols: 580 },
    { name: 'outliers in some columns', tokens: 19, cols: 132, fill: outliers },
    { name: 'no threshold reached', tokens: 3, cols: 64, fill: outliers, threshold: 3e38 },
    { name: 'all outliers', tokens: 2, cols: 36, fill: normal(1e4), threshold: 1e-3 },
    { name: 'zeros', tokens: 9, cols: 36, fill: zeros },
  ] satisfies InputsCase[]
).map((c): KernelCase => ({
  kernel: inputsSpec,
  name: c.name,
  because: 'a scale is a division of f32; a code near the middle of two may tip over to its neighbour',
  prepare: (p) => prepareInputs(c, activationType(p)),
}))

interface ProductCase {
  name: string
  tokens: number
  rows: number
  cols: number
  layout?: Partial<AffineLayout>
  fill?: Fill
  bias?: boolean
  add?: boolean
  octets?: 1 | 2
  devices?: DeviceName[]
}

function prepareProduct(c: ProductCase, lanes: number, type: 'f32' | 'f16'): KernelRun {
  const { tokens, rows, cols, bias = false, add = false, fill = outliers } = c
  const group = Math.ceil(cols / 32) * 32
  const layout: AffineLayout = { format: 'q8', group, offset: 0, minimum: false, zero: false, wide: true, ...c.layout }
  const { tiles, values } = affineWeights(layout, rows, cols, lanes, 7)
  const x = typed(fill(tokens * cols, 1), type)
  const inputs = int8Inputs(x, cols, threshold)
  const stride = 8 + Math.ceil(rows / 4) * 4 + 4
  const biases = normal()(stride, 2)
  const y = normal()(tokens * stride, 3)
  const own = (all: ArrayLike<number>, t: number) => Array.from({ length: rows }, (_, n) => all[t * stride + 8 + n])
  const y0 = Array.from({ length: tokens }, (_, t) => own(y, t)).flat()
  const extra = { bias: bias ? own(biases, 0) : undefined, y0: add ? y0 : undefined }
  const sums = matmulInt8(x, inputs, values, { tokens, rows, cols }, extra)
  const abs = (v: ArrayLike<number>) => Array.from(v, Math.abs)
  const sizes = matmulInt8(abs(x), { ...inputs, codes: abs(inputs.codes) }, abs(values), { tokens, rows, cols })
  const errors = stored(sums, 'f32', sizes.map((m, i) => (m + Math.abs(sums[i])) * unit * (8 + Math.sqrt(cols)))) // prettier-ignore
  const expected = Array.from(y)
  const allowed = expected.map(() => 0)
  for (let t = 0; t < tokens; t++)
    for (let n = 0; n < stride - 12; n++) {
      const at = t * stride + 8 + n
      expected[at] = n < rows ? sums[t * rows + n] : 0
      allowed[at] = n < rows ? errors[t * rows + n] : Infinity
    }
  return {
    constants: {
      IN: type,
      OUT: 'f32',
      WIDE: layout.wide,
      GROUP: layout.group,
      BIAS: bias,
      ADD: add,
      OCTETS: c.octets ?? 1,
    },
    values: { tokens, cols, steps: stepsOf(cols), rows, out_offset: 8, out_stride: stride },
    buffers: { weights: tiles.weights, scales: tiles.scales, ...packed(inputs, cols), x, bias: biases, y },
    expected: [{ output: 'y', type: 'f32', values: expected, allowed }],
  }
}

const productCases = (
  [
    { name: 'one row, four inputs', tokens: 1, rows: 1, cols: 4, bias: true },
    { name: 'prime rows over several tiles, outliers', tokens: 1, rows: 131, cols: 580, bias: true },
    { name: 'added, scales of 16 bits', tokens: 3, rows: 37, cols: 96, add: true, layout: { wide: false } },
    { name: 'groups of 64', tokens: 2, rows: 40, cols: 256, layout: { group: 64 }, fill: normal() },
    { name: 'zeros', tokens: 2, rows: 9, cols: 36, fill: zeros },
  ] satisfies ProductCase[]
).flatMap((c): KernelCase[] => {
  const because =
    'integers add up exactly within a step; outliers and steps in f32, off by about sqrt(cols) roundings of sum |x| |w|'
  return [matmulInt8Vec, matmulInt8Tiled].map((kernel) => {
    const tiled = kernel === matmulInt8Tiled
    const tokens = tiled ? c.tokens + (c.tokens === 1 ? 10 : 15) : c.tokens
    const own = { ...c, tokens, octets: tiled && c.tokens > 1 ? (2 as const) : (1 as const) }
    return { kernel, name: c.name, because, prepare: (p) => prepareProduct(own, p.lanes, activationType(p)) }
  })
})

export const cases: KernelCase[] = [...inputsCases, ...productCases]
