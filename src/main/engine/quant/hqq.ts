/**
 * HQQ: half-quadratic quantization without calibration (Badri & Shaji 2023, mobiusml.github.io/hqq_blog). The zero minimises
 * the p-norm, p < 1, of what is lost, so that a few outliers may stay wrong: alternately the loss is shrunk to its outliers and
 * the zero is fitted to the weights without them.
 */
import { type QuantizedMatrix } from '../formats/quantized-matrix'
import { gridBetween, rangeOf } from './grid'
import { emptyMatrix, type Group, groupSize } from './groups'
import { clamp, roundEven, type ScaleType, toHalf, toScale } from './rounding'

export interface Hqq {
  bits: number
  group: Group
  scaleType: ScaleType
  /**
   * Whether zeros are whole codes, as the GPTQ and AWQ layouts store them. Then the scale is fitted instead, which is the only
   * freedom left; else it stays the range's and zeros are f16.
   */
  wholeZeros: boolean
}

const norm = 0.7
const iterations = 20
const firstPenalty = 10
const penaltyGrowth = 1.01

interface Fit {
  scale: number
  zero: number
  /** p-norm of the loss, to the power of p, the scale taken out. */
  loss: number
}

/** Throws invalid_input on a group that does not divide the row. */
export function halfQuadratic(weights: Float32Array, cols: number, options: Hqq): QuantizedMatrix {
  const group = groupSize(options.group, cols)
  const matrix = emptyMatrix(weights.length, cols, { bits: options.bits, group, affine: true })
  const most = 2 ** options.bits - 1
  for (let g = 0, from = 0; from < weights.length; g++, from += group) {
    const { scale, zero } = solve(weights.subarray(from, from + group), options)
    matrix.scales[g] = scale
    matrix.zeros![g] = zero
    for (let i = from; i < from + group; i++) matrix.codes[i] = scale > 0 ? level(weights[i], scale, zero, most) : 0
  }
  return matrix
}

function solve(w: Float32Array, options: Hqq): Fit {
  const most = 2 ** options.bits - 1
  const store = toScale(options.scaleType)
  const { scale, zero } = gridBetween(rangeOf(w), { bits: options.bits, symmetric: false, store })
  let best: Fit = { scale, zero, loss: lossOf(w, scale, zero, most) }
  if (scale === 0) return best
  let penalty = firstPenalty
  for (let i = 0; i < iterations; i++, penalty *= penaltyGrowth) {
    const next = options.wholeZeros ? fitScale(w, best, most, penalty, store) : fitZero(w, best, most, penalty)
    const loss = lossOf(w, next.scale, next.zero, most)
    if (!(loss < best.loss)) break
    best = { ...next, loss }
  }
  return best
}

const level = (w: number, scale: number, zero: number, most: number) => clamp(roundEven(w / scale + zero), 0, most)

function lossOf(w: Float32Array, scale: number, zero: number, most: number): number {
  let loss = 0
  if (scale === 0) return 0
  for (const v of w) loss += Math.abs(v / scale - (level(v, scale, zero, most) - zero)) ** norm * scale ** norm
  return loss
}

/** The generalised soft threshold of the p-norm: what of a loss is taken for an outlier. */
function outlier(loss: number, penalty: number): number {
  const magnitude = Math.abs(loss)
  const kept = magnitude - magnitude ** (norm - 1) / penalty
  return kept > 0 ? Math.sign(loss) * kept : 0
}

function fitZero(w: Float32Array, { scale, zero }: Fit, most: number, penalty: number): Omit<Fit, 'loss'> {
  let sum = 0
  for (const v of w) {
    const q = level(v, scale, zero, most)
    sum += q - (v - outlier(v - scale * (q - zero), penalty)) / scale
  }
  return { scale, zero: toHalf(sum / w.length) }
}

function fitScale(
  w: Float32Array,
  { scale, zero }: Fit,
  most: number,
  penalty: number,
  store: (x: number) => number,
): Omit<Fit, 'loss'> {
  let product = 0
  let square = 0
  for (const v of w) {
    const q = level(v, scale, zero, most) - zero
    product += q * (v - outlier(v - scale * q, penalty))
    square += q * q
  }
  const fitted = square > 0 ? store(product / square) : scale
  return { scale: fitted > 0 ? fitted : scale, zero }
}
