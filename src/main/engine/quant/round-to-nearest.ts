/** Round to nearest: each group's levels from its own weights, every weight to the level next to it. */
import { type QuantizedMatrix } from '../formats/quantized-matrix'
import { codeOf, type GridOptions, middle, rangeGrid, searchGrid } from './grid'
import { emptyMatrix, type Group, groupSize } from './groups'
import { type ScaleType, toScale } from './rounding'

export interface RoundToNearest {
  bits: number
  group: Group
  symmetric: boolean
  scaleType: ScaleType
  /** Whether the range of each group is narrowed where that lessens the squared error, weighted by importance. */
  search?: boolean
}

/**
 * `weights`: whole rows of `cols` inputs. `importance`: weight of each input in the search.
 * Throws invalid_input on a group that does not divide the row.
 */
export function roundToNearest(
  weights: Float32Array,
  cols: number,
  { bits, group: asked, symmetric, scaleType, search = false }: RoundToNearest,
  importance?: Float32Array,
): QuantizedMatrix {
  const group = groupSize(asked, cols)
  const matrix = emptyMatrix(weights.length, cols, {
    bits,
    group,
    affine: !symmetric,
    offset: symmetric ? middle(bits) : 0,
  })
  const options: GridOptions = { bits, symmetric, store: toScale(scaleType) }
  const most = 2 ** bits - 1
  for (let g = 0, from = 0; from < weights.length; g++, from += group) {
    const to = from + group
    const c = from % cols
    const grid = search
      ? searchGrid(weights, from, to, options, importance?.subarray(c, c + group))
      : rangeGrid(weights, from, to, options)
    matrix.scales[g] = grid.scale
    if (matrix.zeros) matrix.zeros[g] = grid.zero
    for (let i = from; i < to; i++) matrix.codes[i] = codeOf(weights[i], grid, most)
  }
  return matrix
}
