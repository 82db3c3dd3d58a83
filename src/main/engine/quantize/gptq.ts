/**
 * GPTQ (Frantar et al., arXiv 2210.17323): weights are rounded input by input, and what a rounding does to the output is made up for
 * by the inputs that are still to come, as the inverse of the Hessian 2 X^T X says.
 */
import { type QuantizedMatrix } from '../formats/quantized-matrix'
import { codeOf, type Grid, type GridOptions, middle, rangeGrid, searchGrid } from '../quant/grid'
import { emptyMatrix, type Group, groupSize } from '../quant/groups'
import { checkWeights } from '../quant/methods'
import { type ScaleType, toScale } from '../quant/rounding'
import { inverseFactor } from './cholesky'
import { type Pace } from './pace'

export interface GptqOptions {
  bits: number
  group: Group
  symmetric: boolean
  scaleType: ScaleType
  /** Grids that cost least squared error, each input weighed by its Hessian diagonal. */
  search: boolean
  /** Share of the mean diagonal that is added to the diagonal. */
  damping: number
  /** Inputs in the order of falling diagonals; each group's grid is then made beforehand, from its own weights. */
  actOrder: boolean
  /** Inputs whose errors are passed on together. */
  blockColumns: number
}

/** What matrices that read the same inputs share. */
export interface GptqFactor {
  /** Input that is rounded as the i-th. */
  order: Int32Array
  /** Upper factor of the damped Hessian's inverse in that order, f64 [cols, cols]. */
  upper: Float64Array
  /** X^T X's diagonal, [cols]. */
  diagonal: Float32Array
}

/**
 * `gram`: X^T X of the calibration inputs, f32 or f64 [cols, cols]. Inputs that are always zero get a diagonal of one: their weights do
 * not matter. Throws invalid_input when it is not positive definite, cancelled.
 */
export async function gptqFactor(
  gram: ArrayLike<number>,
  cols: number,
  { damping, actOrder }: Pick<GptqOptions, 'damping' | 'actOrder'>,
  pace: Pace,
): Promise<GptqFactor> {
  const diagonal = Float32Array.from({ length: cols }, (_, i) => gram[i * cols + i])
  const order = Int32Array.from(diagonal.keys())
  if (actOrder) order.sort((a, b) => diagonal[b] - diagonal[a] || a - b)
  let mean = 0
  for (const d of diagonal) mean += d / cols
  const h = new Float64Array(cols * cols)
  for (let i = 0; i < cols; i++) {
    const row = order[i] * cols
    for (let j = 0; j < cols; j++) h[i * cols + j] = gram[row + order[j]]
    if (diagonal[order[i]] === 0) h[i * cols + i] = mean || 1
    h[i * cols + i] += damping * mean
    if ((i & 31) === 0) await pace.rest()
  }
  return { order, upper: await inverseFactor(h, cols, pace), diagonal }
}

/**
 * `weights`: [rows, cols]. Throws invalid_input on weights that are no numbers and on groups that do not divide the row, cancelled.
 */
export async function gptq(
  weights: Float32Array,
  cols: number,
  factor: GptqFactor,
  options: GptqOptions,
  pace: Pace,
): Promise<QuantizedMatrix> {
  checkWeights(weights, cols)
  const { bits, symmetric } = options
  const group = groupSize(options.group, cols)
  const layout = { bits, group, affine: !symmetric, offset: symmetric ? middle(bits) : 0 }
  const matrix = emptyMatrix(weights.length, cols, layout)
  const rounding = new RowRounding(matrix, factor, options)
  for (let row = 0; row < matrix.rows; row++) {
    rounding.round(weights, row)
    if ((row & 3) === 0) await pace.rest()
  }
  return matrix
}

/** Rows do not depend on each other: each is rounded on its own, in f64, in cache. */
class RowRounding {
  private readonly matrix: QuantizedMatrix
  private readonly factor: GptqFactor
  private readonly options: GptqOptions
  private readonly grid: GridOptions
  private readonly row: Float64Array
  private readonly errors: Float64Array
  private readonly grids: Grid[]
  /** Group of the i-th input in order. */
  private readonly groups: Int32Array
  private readonly inOrder: boolean

  constructor(matrix: QuantizedMatrix, factor: GptqFactor, options: GptqOptions) {
    this.matrix = matrix
    this.factor = factor
    this.options = options
    const { bits, symmetric, scaleType } = options
    this.grid = { bits, symmetric, store: toScale(scaleType) }
    this.row = new Float64Array(matrix.cols)
    this.errors = new Float64Array(options.blockColumns)
    this.grids = new Array<Grid>(matrix.cols / matrix.group)
    this.groups = factor.order.map((c) => Math.floor(c / matrix.group))
    this.inOrder = factor.order.every((c, i) => c === i)
  }

  round(weights: Float32Array, r: number): void {
    const { row, matrix, options } = this
    const { cols, group } = matrix
    const { order, diagonal } = this.factor
    const own = weights.subarray(r * cols, (r + 1) * cols)
    for (let i = 0; i < cols; i++) row[i] = diagonal[order[i]] === 0 ? 0 : own[order[i]]
    if (!this.inOrder) for (let g = 0; g < this.grids.length; g++) this.grids[g] = this.gridOf(own, g * group, g)
    for (let from = 0; from < cols; from += options.blockColumns) {
      const to = Math.min(from + options.blockColumns, cols)
      this.roundBlock(r, from, to)
      this.passOn(from, to)
    }
    this.store(r)
  }

  private gridOf(values: ArrayLike<number>, from: number, g: number): Grid {
    const { group } = this.matrix
    if (!this.options.search) return rangeGrid(values, from, from + group, this.grid)
    const importance = this.factor.diagonal.subarray(g * group, (g + 1) * group)
    return searchGrid(values, from, from + group, this.grid, importance)
  }

  private roundBlock(r: number, from: number, to: number): void {
    const { row, matrix, errors, groups, grids } = this
    const { cols, group, codes } = matrix
    const { upper, order } = this.factor
    const most = 2 ** matrix.bits - 1
    for (let i = from; i < to; i++) {
      const g = groups[i]
      // In natural order a group's grid is made when it is reached, from weights that have taken up errors.
      if (this.inOrder && i % group === 0) grids[g] = this.gridOf(row, i, g)
      const grid = grids[g]
      const code = codeOf(row[i], grid, most)
      codes[r * cols + order[i]] = code
      const at = i * cols
      const error = (row[i] - grid.scale * (code - grid.zero)) / upper[at + i]
      errors[i - from] = error
      for (let j = i + 1; j < to; j++) row[j] -= error * upper[at + j]
    }
  }

  /** The block's errors to all later inputs, four at a time so that each of them is loaded and stored less. */
  private passOn(from: number, to: number): void {
    const { row, errors } = this
    const { upper } = this.factor
    const { cols } = this.matrix
    let i = from
    for (; i + 4 <= to; i += 4) {
      const [e0, e1, e2, e3] = [errors[i - from], errors[i + 1 - from], errors[i + 2 - from], errors[i + 3 - from]]
      const [a0, a1, a2, a3] = [i * cols, (i + 1) * cols, (i + 2) * cols, (i + 3) * cols]
      for (let j = to; j < cols; j++)
        row[j] -= e0 * upper[a0 + j] + e1 * upper[a1 + j] + e2 * upper[a2 + j] + e3 * upper[a3 + j]
    }
    for (; i < to; i++) for (let j = to; j < cols; j++) row[j] -= errors[i - from] * upper[i * cols + j]
  }

  private store(r: number): void {
    const { scales, zeros, cols, group } = this.matrix
    const groups = cols / group
    for (let g = 0; g < groups; g++) {
      scales[r * groups + g] = this.grids[g].scale
      if (zeros) zeros[r * groups + g] = this.grids[g].zero
    }
  }
}
