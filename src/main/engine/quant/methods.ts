/** Every way to quantize a matrix from its weights alone, behind one signature. */
import { MoruError } from '../../../shared/errors'
import { type QuantizedMatrix } from '../formats/quantized-matrix'
import { type CodebookOptions, quantizeToCodebook } from './codebook'
import { halfQuadratic, type Hqq } from './hqq'
import { absmaxInt8, type Int8, zeroPointInt8 } from './int8'
import { roundToNearest, type RoundToNearest } from './round-to-nearest'

export type MatrixMethod =
  | ({ method: 'rtn' } & RoundToNearest)
  | ({ method: 'absmax' } & Int8)
  | ({ method: 'zero_point' } & Int8)
  | ({ method: 'codebook' } & CodebookOptions)
  | ({ method: 'hqq' } & Hqq)

/**
 * `weights`: whole rows of `cols` inputs, of a matrix or of a part of it: but for 'tensor' ranges every row stands alone, so
 * that callers may go through a matrix in parts, cancel between them, and put the results together with stackRows.
 * `importance`: how much an error of each input counts, for methods that search.
 * @throws MoruError invalid_input on weights that are no numbers, and on groups that do not divide the row
 */
export function quantizeMatrix(
  weights: Float32Array,
  cols: number,
  options: MatrixMethod,
  importance?: Float32Array,
): QuantizedMatrix {
  checkWeights(weights, cols)
  const matrix = quantize(weights, cols, options, importance)
  const scale = matrix.scales.findIndex((s) => !Number.isFinite(s))
  if (scale >= 0)
    throw new MoruError(
      'invalid_input',
      `Row ${Math.floor((scale * matrix.group) / cols)} holds weights that are too large for an f16 scale.`,
    )
  return matrix
}

function quantize(weights: Float32Array, cols: number, options: MatrixMethod, importance?: Float32Array) {
  switch (options.method) {
    case 'rtn':
      return roundToNearest(weights, cols, options, importance)
    case 'absmax':
      return absmaxInt8(weights, cols, options)
    case 'zero_point':
      return zeroPointInt8(weights, cols, options)
    case 'codebook':
      return quantizeToCodebook(weights, cols, options)
    case 'hqq':
      return halfQuadratic(weights, cols, options)
  }
}

/** Throws invalid_input where a weight is NaN or infinite, naming its place. `firstRow`: that of the matrix which is weights' first. */
export function checkWeights(weights: Float32Array, cols: number, firstRow = 0): void {
  for (let i = 0; i < weights.length; i++)
    if (!Number.isFinite(weights[i]))
      throw new MoruError(
        'invalid_input',
        `The weight in row ${firstRow + Math.floor(i / cols)}, input ${i % cols} is ${weights[i]}: a matrix with such values cannot be quantized.`,
      )
}
