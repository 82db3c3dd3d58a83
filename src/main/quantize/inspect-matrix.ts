/** One matrix in two models: histograms, levels, errors, and a picture of any part. */
import { type OutputOf, type ParsedInputOf } from '../../shared/contract'
import {
  type Histogram,
  type inspectMatrices,
  type inspectMatrix,
  type MatrixPicture,
  type MatrixView,
} from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import {
  blockTypes,
  effectiveValues,
  linearMatrices,
  type ModelMatrix,
  type OpenModel,
  orderedValues,
  type QuantizedMatrix,
  type TensorInfo,
} from '../engine'
import { withModel } from './open-models'

type Input = Omit<ParsedInputOf<typeof inspectMatrix>, 'models'>
const codeBooks = 256

const withModels = <T>([a, b]: [string, string], work: (a: OpenModel, b: OpenModel) => Promise<T>): Promise<T> =>
  withModel(a, (first) => withModel(b, (second) => work(first, second)))

const typeOf = ({ file }: OpenModel, { name }: ModelMatrix): string => {
  const { type, quantized } = file.tensors.get(name)!
  if (!quantized) return type
  return quantized.codebook ?? `${quantized.bits} bits, g${quantized.group}`
}

/** Matrices of the same name and shape in both. Throws what opening throws. */
export function sharedMatrices(paths: [string, string]): Promise<OutputOf<typeof inspectMatrices>> {
  return withModels(paths, async (a, b) => {
    const others = new Map(linearMatrices(b.file, b.config).map((m) => [m.canonical, m]))
    return linearMatrices(a.file, a.config).flatMap((own) => {
      const other = others.get(own.canonical)
      if (other?.rows !== own.rows || other.cols !== own.cols) return []
      const { canonical: name, layer, role, rows, cols } = own
      return [{ name, layer, role, rows, cols, types: [typeOf(a, own), typeOf(b, other)] as [string, string] }]
    })
  })
}

/** Throws not_found for a matrix that one of the models lacks or has in another shape, invalid_input for a part outside it. */
export function viewMatrix(paths: [string, string], input: Input): Promise<MatrixView> {
  return withModels(paths, async (a, b) => {
    const find = ({ file, config }: OpenModel) => linearMatrices(file, config).find((m) => m.canonical === input.name)
    const [before, after] = [find(a), find(b)]
    if (!before || !after || before.rows !== after.rows || before.cols !== after.cols)
      throw new MoruError('not_found', `The models have no matrix ${input.name} of the same shape.`)
    const [w, q] = [await orderedValues(a, before), await effectiveValues(a, b, input.name)]
    const stored = b.file.tensors.get(after.name)!
    const codes = stored.quantized ? await b.file.readQuantized!(after.name) : null
    const { name, bins } = input
    const { rows, cols } = before
    const group = codes?.group ?? blockGroup(stored.type)
    const range = rangeOf([w, q])
    const difference = q.map((v, i) => v - w[i])
    return {
      name,
      rows,
      cols,
      before: { type: typeOf(a, before), histogram: histogramOf(w, range, bins) },
      after: {
        type: typeOf(b, after),
        histogram: histogramOf(q, range, bins),
        levels: group === null ? [] : levelsOf(q, rows, cols, group),
        group,
        codes: codes ? countsOf(codes) : [],
      },
      error: histogramOf(difference, symmetric(rangeOf([difference])), bins),
      weightMse: difference.reduce((sum, d) => sum + d * d, 0) / difference.length,
      picture: pictureOf(w, q, { rows, cols }, input),
    }
  })
}

type Range = [number, number]

function rangeOf(arrays: Float32Array[]): Range {
  let [low, high] = [Infinity, -Infinity]
  for (const values of arrays)
    for (const v of values) {
      if (v < low) low = v
      if (v > high) high = v
    }
  return low < high ? [low, high] : [low - 1e-6, low + 1e-6]
}

const symmetric = ([low, high]: Range): Range => {
  const most = Math.max(Math.abs(low), Math.abs(high))
  return [-most, most]
}

function histogramOf(values: Float32Array, [from, to]: Range, bins: number): Histogram {
  const counts = new Array<number>(bins).fill(0)
  const scale = bins / (to - from)
  for (const v of values) counts[Math.min(bins - 1, Math.max(0, Math.floor((v - from) * scale)))]++
  return { from, to, counts }
}

/** Weights that share a scale in a block type of GGUF; null for floats. */
function blockGroup(type: TensorInfo['type']): number | null {
  const { blockSize } = blockTypes[type]
  if (blockSize === 1) return null
  // Blocks of 256 are made of parts with scales of their own.
  return type === 'q2_k' || type === 'q3_k' || type === 'q6_k' ? 16 : 32
}

/** The different values of the middle row's first group, in order. */
function levelsOf(q: Float32Array, rows: number, cols: number, size: number): number[] {
  const first = Math.floor(rows / 2) * cols
  const group = [...q.subarray(first, first + Math.min(size, cols))]
  return [...new Set(group.map((v) => Number(v.toPrecision(6))))].sort((x, y) => x - y).slice(0, codeBooks)
}

function countsOf({ codes, bits }: QuantizedMatrix): number[] {
  const counts = new Array<number>(2 ** bits).fill(0)
  for (const code of codes) counts[code]++
  return counts
}

function pictureOf(
  w: Float32Array,
  q: Float32Array,
  shape: { rows: number; cols: number },
  { part, cells }: Pick<Input, 'part' | 'cells'>,
): MatrixPicture {
  const rows = Math.min(part.rows || shape.rows, shape.rows - part.row)
  const cols = Math.min(part.cols || shape.cols, shape.cols - part.col)
  if (rows <= 0 || cols <= 0)
    throw new MoruError(
      'invalid_input',
      `The part begins outside of the matrix, which is ${shape.rows} x ${shape.cols}.`,
    )
  const [cellRows, cellCols] = [Math.ceil(rows / cells), Math.ceil(cols / cells)]
  const picture: MatrixPicture = {
    rows: Math.ceil(rows / cellRows),
    cols: Math.ceil(cols / cellCols),
    cellRows,
    cellCols,
    before: [],
    after: [],
    difference: [],
  }
  const single = cellRows === 1 && cellCols === 1
  for (let y = 0; y < rows; y += cellRows)
    for (let x = 0; x < cols; x += cellCols) {
      let [before, after, squares, count] = [0, 0, 0, 0]
      for (let r = part.row + y; r < part.row + Math.min(y + cellRows, rows); r++)
        for (let c = part.col + x; c < part.col + Math.min(x + cellCols, cols); c++, count++) {
          const at = r * shape.cols + c
          before += w[at]
          after += q[at]
          squares += (q[at] - w[at]) ** 2
        }
      picture.before.push(before / count)
      picture.after.push(after / count)
      picture.difference.push(single ? after - before : Math.sqrt(squares / count))
    }
  return picture
}
