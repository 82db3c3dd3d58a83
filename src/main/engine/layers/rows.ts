/** Rows of a tensor in the order that a layer wants them. */
import { type CodeRow } from '../quant/pack-rows'
import { blockTypes } from '../formats/block-types'
import { halfBytes } from '../formats/number-bytes'
import { type QuantizedMatrix } from '../formats/quantized-matrix'
import { type TensorType } from '../formats/weight-file'
import { dequantize } from '../quant/blocks/dequantize'

/** Where rows of a matrix come from. */
export interface RowSource {
  /** Canonical name, GGUF's: 'blk.3.attn_q.weight'. */
  name: string
  /** Rows to take, in order, as rows of the file's tensor; null for a row of zeros; default: all. */
  order?: (row: number) => number | null
  /** Only these many rows: for tensors of which a model uses a part, or which are padded. */
  rows?: number
  /** Rows that the file must have. */
  fileRows?: number
  /** Where the inputs come from when the file has others: how many those are, and which one an input is; null for zeros. */
  inputs?: { count: number; of: (col: number) => number | null }
  /** The file holds [inputs, outputs]; matrices of codes never do. */
  transposed?: boolean
}

/** Whether zeros stand among the tensor's own rows or inputs. */
export const isPadded = ({ inputs, rows, fileRows }: RowSource): boolean =>
  inputs !== undefined || (rows !== undefined && fileRows !== undefined && rows > fileRows)

/** What a stacked matrix is put together from. */
export interface Rows<R> {
  readonly rows: number
  take(from: number, count: number): Promise<R[]>
}

interface RowReaderOptions {
  source: RowSource
  /** The file's. */
  type: TensorType
  /** Weights of a row in the file, and of one that is given out. */
  width: number
  cols: number
  fileRows: number
  read: (offset: number, length: number) => Promise<Uint8Array>
}

/** Rows of one tensor in the order a source asks for. */
export class RowReader implements Rows<Uint8Array> {
  readonly rows: number
  /** What the rows are given out as: the file's type, unless blocks had to be taken apart to spread their weights. */
  readonly type: TensorType
  private readonly options: RowReaderOptions
  private readonly rowBytes: number
  private readonly zeros: Uint8Array
  /** The whole tensor, kept while its rows are taken out of order. */
  private whole: Uint8Array | null = null

  constructor(options: RowReaderOptions) {
    const { source, type, width, cols, fileRows } = options
    this.options = options
    this.rows = source.rows ?? fileRows
    this.type = source.inputs && blockTypes[type].blockSize > 1 ? 'f16' : type
    this.rowBytes = rowBytes(type, width)
    this.zeros = new Uint8Array(rowBytes(this.type, cols))
  }

  async take(from: number, count: number): Promise<Uint8Array[]> {
    const rows = await this.ordered(from, count)
    const { inputs } = this.options.source
    return inputs ? rows.map((row) => (row === this.zeros ? row : this.spread(row, inputs.of))) : rows
  }

  private async ordered(from: number, count: number): Promise<Uint8Array[]> {
    const { rowBytes } = this
    const { source, fileRows, read } = this.options
    if (!source.order && !source.transposed) {
      const bytes = await read(from * rowBytes, count * rowBytes)
      return Array.from({ length: count }, (_, i) => bytes.subarray(i * rowBytes, (i + 1) * rowBytes))
    }
    this.whole ??= await read(0, fileRows * rowBytes)
    const whole = this.whole
    const at = source.order ?? ((row: number) => row)
    const rows = Array.from({ length: count }, (_, i) => this.row(whole, at(from + i)))
    if (from + count === this.rows) this.whole = null
    return rows
  }

  private row(whole: Uint8Array, index: number | null): Uint8Array {
    if (index === null) return this.zeros
    const { rowBytes } = this
    const { source, type, fileRows } = this.options
    const elementBytes = blockTypes[type].blockBytes
    if (!source.transposed) return whole.subarray(index * rowBytes, (index + 1) * rowBytes)
    const row = new Uint8Array(rowBytes)
    for (let at = 0, from = index * elementBytes; at < rowBytes; at += elementBytes, from += fileRows * elementBytes)
      for (let b = 0; b < elementBytes; b++) row[at + b] = whole[from + b]
    return row
  }

  private spread(row: Uint8Array, of: (col: number) => number | null): Uint8Array {
    const { type, width, cols } = this.options
    const plain = this.type === type ? row : halfBytes(dequantize(type, row, width))
    const { blockBytes } = blockTypes[this.type]
    const out = new Uint8Array(this.zeros.length)
    for (let col = 0; col < cols; col++) {
      const from = of(col)
      if (from !== null) out.set(plain.subarray(from * blockBytes, (from + 1) * blockBytes), col * blockBytes)
    }
    return out
  }
}

const rowBytes = (type: TensorType, weights: number): number =>
  (weights / blockTypes[type].blockSize) * blockTypes[type].blockBytes

/** Rows of a matrix of codes, all of which is in memory. Padded ones are dequantised and read by a RowReader instead. */
export class CodeRows implements Rows<CodeRow> {
  readonly rows: number
  readonly matrix: QuantizedMatrix
  private readonly source: RowSource

  constructor(matrix: QuantizedMatrix, source: RowSource) {
    this.matrix = matrix
    this.source = source
    this.rows = source.rows ?? matrix.rows
  }

  take(from: number, count: number): Promise<CodeRow[]> {
    const { matrix, source } = this
    const at = (row: number): number => source.order?.(row) ?? row
    return Promise.resolve(Array.from({ length: count }, (_, i) => ({ matrix, row: at(from + i) })))
  }
}

/** Rows [first, first + count) of sources one below the other. */
export async function takeStacked<R>(sources: Rows<R>[], first: number, count: number): Promise<R[]> {
  const rows: R[] = []
  let start = 0
  for (const source of sources) {
    const from = Math.max(first - start, 0)
    const to = Math.min(first + count - start, source.rows)
    if (from < to) rows.push(...(await source.take(from, to - from)))
    start += source.rows
  }
  return rows
}
