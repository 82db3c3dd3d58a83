/** What files and quantization methods hold, row by row, into tiles. */
import { blockTypes } from '../formats/block-types'
import { dequantizeMatrix, type QuantizedMatrix } from '../formats/quantized-matrix'
import { type TensorType } from '../formats/weight-file'
import { isQuantized, unpackBlocks } from './blocks/decomposition'
import { type PackedTiles, type TilePacker } from './pack'
import { codeShift, isScaled } from './packed-layout'

/** `rows`: the bytes of rows of a tensor type, in order, for a packer of its layout. */
export function packStored(packer: TilePacker, type: TensorType, rows: Uint8Array[]): PackedTiles {
  if (!isQuantized(type)) return packer.packPlain(rows)
  const blocks = packer.cols / blockTypes[type].blockSize
  return packer.packScaled(rows.length, (row, scratch) => unpackBlocks(type, rows[row], blocks, scratch))
}

/** A row of a matrix of codes. */
export interface CodeRow {
  matrix: QuantizedMatrix
  row: number
}

/** Rows of matrices of the packer's layout, in that order; `columns` is the order of their inputs, default their own. */
export function packCodes(packer: TilePacker, rows: CodeRow[], columns: Uint32Array | null): PackedTiles {
  if (!isScaled(packer.layout.format))
    return packer.packPlain(rows.map(({ matrix, row }) => new Uint8Array(dequantizeMatrix(matrix, row, 1).buffer)))
  return packer.packScaled(rows.length, (i, { q, scale, min }) => {
    const { matrix, row } = rows[i]
    const { cols, codes, scales, zeros, offset } = matrix
    const shift = codeShift(matrix)
    const groups = cols / matrix.group
    const first = row * cols
    for (let c = 0; c < cols; c++) q[c] = codes[first + (columns ? columns[c] : c)] - shift
    for (let g = 0; g < groups; g++) {
      const at = row * groups + g
      scale[g] = scales[at]
      min[g] = (zeros ? zeros[at] : offset) - shift
    }
  })
}

/**
 * The order of inputs in which each group's lie together, or null where they do already. Groups of unequal size have no such
 * order: 'uneven'.
 */
export function columnOrder({ cols, group, groupOf }: QuantizedMatrix): Uint32Array<ArrayBuffer> | null | 'uneven' {
  if (!groupOf) return null
  const next = Uint32Array.from({ length: cols / group }, (_, g) => g * group)
  const order = new Uint32Array(cols)
  let moved = false
  for (let c = 0; c < cols; c++) {
    const g = groupOf[c]
    if (next[g] >= (g + 1) * group) return 'uneven'
    moved ||= next[g] !== c
    order[next[g]++] = c
  }
  return moved ? order : null
}
