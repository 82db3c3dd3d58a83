/** Rows of a tensor in the order that a layer wants them. */
import { type CodeRow } from '../quant/pack-rows'
import { type QuantizedMatrix } from '../formats/quantized-matrix'

/** Where rows of a matrix come from. */
export interface RowSource {
  /** Canonical name, GGUF's: 'blk.3.attn_q.weight'. */
  name: string
  /** Rows to take, in order, as rows of the file's tensor; default: all. */
  order?: (row: number) => number
  /** Only these many rows: for tensors of which a model uses a part. */
  rows?: number
  /** The file holds [inputs, outputs]; matrices of codes never do. */
  transposed?: boolean
}

/** What a stacked matrix is put together from. */
export interface Rows<R> {
  readonly rows: number
  take(from: number, count: number): Promise<R[]>
}

interface RowReaderOptions {
  source: RowSource
  rowBytes: number
  /** Bytes of a weight, where it is a plain number; what transposing moves. */
  elementBytes: number
  fileRows: number
  read: (offset: number, length: number) => Promise<Uint8Array>
}

/** Rows of one tensor in the order a source asks for. */
export class RowReader implements Rows<Uint8Array> {
  readonly rows: number
  private readonly options: RowReaderOptions
  /** The whole tensor, kept while its rows are taken out of order. */
  private whole: Uint8Array | null = null

  constructor(options: RowReaderOptions) {
    this.options = options
    this.rows = options.source.rows ?? options.fileRows
  }

  async take(from: number, count: number): Promise<Uint8Array[]> {
    const { source, rowBytes, fileRows, read } = this.options
    if (!source.order && !source.transposed) {
      const bytes = await read(from * rowBytes, count * rowBytes)
      return Array.from({ length: count }, (_, i) => bytes.subarray(i * rowBytes, (i + 1) * rowBytes))
    }
    this.whole ??= await read(0, fileRows * rowBytes)
    const whole = this.whole
    const rows = Array.from({ length: count }, (_, i) => this.row(whole, source.order?.(from + i) ?? from + i))
    if (from + count === this.rows) this.whole = null
    return rows
  }

  private row(whole: Uint8Array, index: number): Uint8Array {
    const { source, rowBytes, elementBytes, fileRows } = this.options
    if (!source.transposed) return whole.subarray(index * rowBytes, (index + 1) * rowBytes)
    const row = new Uint8Array(rowBytes)
    for (let at = 0, from = index * elementBytes; at < rowBytes; at += elementBytes, from += fileRows * elementBytes)
      for (let b = 0; b < elementBytes; b++) row[at + b] = whole[from + b]
    return row
  }
}

/** Rows of a matrix of codes, all of which is in memory. */
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
    return Promise.resolve(
      Array.from({ length: count }, (_, i) => ({ matrix, row: source.order?.(from + i) ?? from + i })),
    )
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
