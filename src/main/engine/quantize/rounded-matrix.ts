/** What rounding a matrix gives, in either of the forms that files have. */
import { MoruError } from '../../../shared/errors'
import { dequantizeMatrix, type QuantizedMatrix } from '../formats/quantized-matrix'
import { dequantize } from '../quant/blocks/dequantize'
import { type EncodedMatrix } from '../quant/blocks/encode'
import { storedBytes } from './overlay-file'

/** Codes with scales a group (safetensors), or GGUF's blocks. */
export type RoundedMatrix = QuantizedMatrix | EncodedMatrix

export const isInBlocks = (matrix: RoundedMatrix): matrix is EncodedMatrix => 'bytes' in matrix

/** For files that hold no blocks. Throws internal. */
export function inCodes(matrix: RoundedMatrix): QuantizedMatrix {
  if (isInBlocks(matrix)) throw new MoruError('internal', `A matrix in ${matrix.type} blocks has no codes with scales.`)
  return matrix
}

/** What it stands for, [rows, cols]. */
export function valuesOf(matrix: RoundedMatrix): Float32Array<ArrayBuffer> {
  if (!isInBlocks(matrix)) return new Float32Array(dequantizeMatrix(matrix))
  return new Float32Array(dequantize(matrix.type, matrix.bytes, matrix.rows * matrix.cols))
}

/** Bytes in a file, scales and all. */
export const roundedBytes = (matrix: RoundedMatrix): number =>
  isInBlocks(matrix) ? matrix.bytes.length : storedBytes(matrix)
