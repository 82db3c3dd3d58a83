/** Streams a model's tensors from its file to the GPU, piece by piece; never two copies of the weights. */
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { blockTypes } from '../formats/block-types'
import { type TensorInfo, type WeightFile } from '../formats/weight-file'
import { dequantize } from '../quant/blocks/dequantize'
import { quantizeQ80 } from '../quant/blocks/quantize-q80'
import { TilePacker } from '../quant/pack'
import { layoutOf, packedBytes, sameLayout } from '../quant/packed-layout'
import { type Gpu } from '../device/gpu'
import { type MatrixPiece, type PackedMatrix, WeightBuffers } from './weights'

/** Where rows of a matrix come from. */
export interface RowSource {
  /** Canonical name, GGUF's: 'blk.3.attn_q.weight'. */
  name: string
  /** Rows to take, in order, as rows of the file's tensor; default: all. */
  order?: (row: number) => number
  /** Only these many rows: for tensors of which a model uses a part. */
  rows?: number
  /** The file holds [inputs, outputs]. */
  transposed?: boolean
}

export interface LoadProgress {
  loadedBytes: number
  totalBytes: number
}

export interface WeightLoaderOptions {
  /** The file's name of a tensor, from the canonical one. */
  nameOf: (canonical: string) => string
  onProgress?: (progress: LoadProgress) => void
  signal?: AbortSignal
  /** Matrices that are stored as floats are quantized to 8 bits (Q8_0) on the way. */
  int8?: boolean
}

/** Bytes read at a time. */
const chunkBytes = 4 << 20

export class WeightLoader {
  readonly buffers: WeightBuffers
  readonly file: WeightFile
  private readonly gpu: Gpu
  private readonly options: WeightLoaderOptions
  private loadedBytes = 0

  private constructor(gpu: Gpu, buffers: WeightBuffers, file: WeightFile, options: WeightLoaderOptions) {
    this.gpu = gpu
    this.buffers = buffers
    this.file = file
    this.options = options
  }

  static async open(gpu: Gpu, file: WeightFile, options: WeightLoaderOptions): Promise<WeightLoader> {
    return new WeightLoader(gpu, await WeightBuffers.open(gpu), file, options)
  }

  has(name: string): boolean {
    return this.file.tensors.has(this.options.nameOf(name))
  }

  /** A tensor's description. Throws invalid_file when the model lacks it. */
  info(name: string): TensorInfo {
    const own = this.options.nameOf(name)
    const info = this.file.tensors.get(own)
    if (info) return info
    throw new MoruError(
      'invalid_file',
      `${this.file.paths[0]}: the tensor ${own} is missing. The file is incomplete, or of another architecture than it says.`,
    )
  }

  /** A vector of `length` floats as f32, padded with zeros to a multiple of 4; `plus` is added to each element. */
  async vector(name: string, length: number, plus = 0): Promise<GPUBuffer> {
    const info = this.info(name)
    const count = info.shape.reduce((a, b) => a * b, 1)
    if (count !== length) throw this.wrongShape(info, [length])
    const values = dequantize(info.type, await this.read(info, 0, info.sizeBytes), length)
    return this.floats(name, plus === 0 ? values : values.map((v) => v + plus))
  }

  /** A tensor's bytes as they lie in the file: for small ones that the host computes with. */
  bytes(name: string): Promise<Uint8Array> {
    const info = this.info(name)
    return this.read(info, 0, info.sizeBytes)
  }

  async floats(label: string, values: ArrayLike<number>): Promise<GPUBuffer> {
    const padded = new Float32Array(Math.ceil(values.length / 4) * 4)
    padded.set(values)
    const buffer = await this.buffers.allocate(label, padded.byteLength)
    this.gpu.write(buffer, 0, padded)
    return buffer
  }

  /** Vectors one after the other, as the bias of matrices stacked by `matrix`. null when the file has none of them. */
  async stackedVector(
    names: { name: string; length: number; order?: (i: number) => number }[],
  ): Promise<GPUBuffer | null> {
    if (!names.some(({ name }) => this.has(name))) return null
    const stacked: number[] = []
    for (const { name, length, order } of names) {
      if (!this.has(name)) {
        stacked.push(...new Float32Array(length))
        continue
      }
      const info = this.info(name)
      const values = dequantize(info.type, await this.read(info, 0, info.sizeBytes), info.shape[0])
      if (!order && values.length !== length) throw this.wrongShape(info, [length])
      for (let i = 0; i < length; i++) stacked.push(values[order ? order(i) : i])
    }
    return this.floats(names[0].name, stacked)
  }

  /**
   * The sources' rows stacked into matrices of `cols` inputs: one, or one for each run of sources of the same layout.
   * Throws invalid_file on wrong shapes, out_of_memory, cancelled.
   */
  async matrices(sources: RowSource[], cols: number): Promise<PackedMatrix[]> {
    const runs: RowSource[][] = []
    for (const source of sources) {
      const last = runs.at(-1)
      if (
        last &&
        sameLayout(layoutOf(this.info(last[0].name).type), layoutOf(this.info(source.name).type)) &&
        this.info(last[0].name).type === this.info(source.name).type
      )
        last.push(source)
      else runs.push([source])
    }
    const matrices: PackedMatrix[] = []
    for (const run of runs) matrices.push(await this.stack(run, cols))
    return matrices
  }

  private async stack(sources: RowSource[], cols: number): Promise<PackedMatrix> {
    const readers = sources.map((source) => this.rowReader(source, cols))
    const { type } = this.info(sources[0].name)
    const int8 = this.options.int8 === true && blockTypes[type].blockSize === 1 && cols % 32 === 0
    const packer = new TilePacker(int8 ? 'q8_0' : type, cols, this.gpu.profile.lanes)
    const rows = readers.reduce((sum, r) => sum + r.rows, 0)
    const matrix: PackedMatrix = { layout: packer.layout, rows, cols, pieces: [] }
    const tileRows = this.gpu.profile.lanes * 4
    const rowBytes = (cols / blockTypes[type].blockSize) * blockTypes[type].blockBytes
    const chunkRows = Math.max(tileRows, Math.floor(chunkBytes / rowBytes / tileRows) * tileRows)
    const pieceRows = this.rowsPerPiece(matrix, tileRows)
    for (let first = 0; first < rows; first += pieceRows) {
      const piece = await this.allocatePiece(sources[0].name, matrix, first, Math.min(pieceRows, rows - first))
      matrix.pieces.push(piece)
      for (let row = 0; row < piece.rows; row += chunkRows) {
        throwIfCancelled(this.options.signal)
        const count = Math.min(chunkRows, piece.rows - row)
        const raw = await this.rows(readers, first + row, count)
        const packed = int8 ? raw.map((bytes) => quantizeQ80(dequantize(type, bytes, cols))) : raw
        this.upload(piece, matrix, row, packer.pack(packed))
      }
    }
    return matrix
  }

  private upload(piece: MatrixPiece, matrix: PackedMatrix, row: number, tiles: ReturnType<TilePacker['pack']>): void {
    const before = packedBytes(matrix.layout, row, matrix.cols, this.gpu.profile.lanes)
    this.gpu.write(piece.weights, before.weights, tiles.weights)
    if (tiles.scales.length > 0) this.gpu.write(piece.scales, before.scales, tiles.scales)
    if (tiles.highBits.length > 0) this.gpu.write(piece.highBits, before.highBits, tiles.highBits)
  }

  private async allocatePiece(
    label: string,
    matrix: PackedMatrix,
    firstRow: number,
    rows: number,
  ): Promise<MatrixPiece> {
    const bytes = packedBytes(matrix.layout, rows, matrix.cols, this.gpu.profile.lanes)
    return {
      firstRow,
      rows,
      weights: await this.buffers.allocate(label, bytes.weights),
      scales: await this.buffers.allocate(`${label} scales`, bytes.scales),
      highBits: await this.buffers.allocate(`${label} high bits`, bytes.highBits),
    }
  }

  /** Whole tiles whose largest buffer a binding can hold. */
  private rowsPerPiece(matrix: PackedMatrix, tileRows: number): number {
    const tile = packedBytes(matrix.layout, tileRows, matrix.cols, this.gpu.profile.lanes)
    const tiles = Math.floor(
      Math.min(this.gpu.maxBindingBytes, this.gpu.maxBufferBytes) / Math.max(tile.weights, tile.scales),
    )
    if (tiles > 0) return tiles * tileRows
    throw new MoruError(
      'out_of_memory',
      `A row of ${matrix.cols} weights is too long for this adapter’s buffer bindings of ${this.gpu.maxBindingBytes} bytes.`,
    )
  }

  private rowReader(source: RowSource, cols: number): RowReader {
    const info = this.info(source.name)
    const [rows, width] = source.transposed ? [info.shape[1], info.shape[0]] : [info.shape[0], info.shape[1]]
    const { blockSize, blockBytes } = blockTypes[info.type]
    if (info.shape.length !== 2 || width !== cols || cols % blockSize !== 0)
      throw this.wrongShape(info, source.transposed ? [cols, -1] : [-1, cols])
    if (cols % 4 !== 0)
      throw new MoruError('unsupported', `${info.name}: ${cols} inputs; Moru’s kernels need a multiple of 4.`)
    if (source.transposed && blockSize > 1)
      throw new MoruError('unsupported', `${info.name}: a quantized matrix cannot be transposed.`)
    const rowBytes = (cols / blockSize) * blockBytes
    return new RowReader({
      source,
      rowBytes,
      elementBytes: blockBytes,
      fileRows: rows,
      read: (offset, length) => this.read(info, offset, length),
    })
  }

  /** Raw bytes of rows [first, first + count) of the stacked sources. */
  private async rows(readers: RowReader[], first: number, count: number): Promise<Uint8Array[]> {
    const rows: Uint8Array[] = []
    let start = 0
    for (const reader of readers) {
      const from = Math.max(first - start, 0)
      const to = Math.min(first + count - start, reader.rows)
      if (from < to) rows.push(...(await reader.take(from, to - from)))
      start += reader.rows
    }
    return rows
  }

  private async read(info: TensorInfo, offset: number, length: number): Promise<Uint8Array> {
    const bytes = await this.file.read(info.name, offset, length)
    this.loadedBytes += length
    this.report(this.loadedBytes)
    return bytes
  }

  /** Says that nothing more will be read: headers and tensors without use count as loaded, those read twice once. */
  finish(): void {
    this.report(this.file.sizeBytes)
  }

  private report(loadedBytes: number): void {
    const totalBytes = this.file.sizeBytes
    this.options.onProgress?.({ loadedBytes: Math.min(loadedBytes, totalBytes), totalBytes })
  }

  private wrongShape(info: TensorInfo, expected: number[]): MoruError {
    const wanted = expected.map((n) => (n < 0 ? 'any' : n)).join(' x ')
    return new MoruError(
      'invalid_file',
      `${info.name}: its shape is ${info.shape.join(' x ')}, but the model’s configuration asks for ${wanted}.`,
    )
  }
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
class RowReader {
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
