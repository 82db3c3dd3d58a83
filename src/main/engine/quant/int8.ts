/** Weights in 8 bits: by their largest magnitude (arXiv 2208.07339, section 2.1), or with a zero point. */
import { type QuantizedMatrix } from '../formats/quantized-matrix'
import { codeOf, gridBetween, type Range, rangeOf } from './grid'
import { emptyMatrix, type Group, groupSize } from './groups'
import { clamp, roundEven, type ScaleType, toScale } from './rounding'

export interface Int8 {
  /** Weights that share a scale: the whole tensor, a row, or a group of inputs. */
  per: Group | 'tensor'
  scaleType: ScaleType
  /** For 'tensor': the range of the whole tensor, of which the weights given may be a part. Default: theirs. */
  range?: Range
}

/** Signed codes -127..127 of scale max |w| / 127, kept with an offset of 128. */
export function absmaxInt8(weights: Float32Array, cols: number, options: Int8): QuantizedMatrix {
  const matrix = eightBits(weights, cols, options, false)
  const store = toScale(options.scaleType)
  forEachGroup(weights, matrix.group, options, (g, from, to, { low, high }) => {
    const scale = store(Math.max(-low, high) / 127)
    matrix.scales[g] = scale
    for (let i = from; i < to; i++)
      matrix.codes[i] = scale > 0 ? clamp(roundEven(weights[i] / scale), -127, 127) + 128 : 128
  })
  return matrix
}

/** Codes 0..255 spread over the range from the least to the largest weight, one of them exactly 0. */
export function zeroPointInt8(weights: Float32Array, cols: number, options: Int8): QuantizedMatrix {
  const matrix = eightBits(weights, cols, options, true)
  const grids = { bits: 8, symmetric: false, store: toScale(options.scaleType) }
  forEachGroup(weights, matrix.group, options, (g, from, to, range) => {
    const grid = gridBetween(range, grids)
    matrix.scales[g] = grid.scale
    matrix.zeros![g] = grid.zero
    for (let i = from; i < to; i++) matrix.codes[i] = codeOf(weights[i], grid, 255)
  })
  return matrix
}

function eightBits(weights: Float32Array, cols: number, { per }: Int8, affine: boolean): QuantizedMatrix {
  const group = groupSize(per === 'tensor' ? 'row' : per, cols)
  return emptyMatrix(weights.length, cols, { bits: 8, group, affine, offset: affine ? 0 : 128 })
}

function forEachGroup(
  weights: Float32Array,
  group: number,
  { per, range }: Int8,
  visit: (g: number, from: number, to: number, range: Range) => void,
): void {
  const whole = per === 'tensor' ? (range ?? rangeOf(weights)) : null
  for (let g = 0, from = 0; from < weights.length; g++, from += group)
    visit(g, from, from + group, whole ?? rangeOf(weights, from, from + group))
}
