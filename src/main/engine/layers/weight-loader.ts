/** Streams a model's tensors from its file to the GPU, piece by piece; never two copies of the weights. */
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { blockTypes } from '../formats/block-types'
import { bytesOf } from '../formats/number-bytes'
import { elementsOf, type TensorInfo, type WeightFile } from '../formats/weight-file'
import { dequantizeMatrix, type QuantizedMatrix } from '../formats/quantized-matrix'
import { dequantize } from '../quant/blocks/dequantize'
import { encodeBlocks } from '../quant/blocks/encode'
import { columnOrder, packCodes, packStored } from '../quant/pack-rows'
import { isScaled, layoutOf, layoutOfTensor, sameLayout } from '../quant/packed-layout'
import { type Gpu } from '../device/gpu'
import { CodeRows, isPadded, RowReader, type RowSource, takeStacked } from './rows'
import { type MatrixPlan, uploadMatrix } from './upload-matrix'
import { type PackedMatrix, WeightBuffers } from './weights'

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
  /** false: nothing is stacked. */
  fused?: boolean
}

const sameGroups = (a: QuantizedMatrix, b: QuantizedMatrix): boolean =>
  a.groupOf !== null && b.groupOf !== null && a.groupOf.every((g, c) => b.groupOf![c] === g)

export class WeightLoader {
  readonly buffers: WeightBuffers
  readonly file: WeightFile
  private readonly gpu: Gpu
  private readonly options: WeightLoaderOptions
  private loadedBytes = 0
  /** Matrices of codes that were read and are not packed yet, by the file's name of them. */
  private readonly held = new Map<string, QuantizedMatrix>()

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
    const values = await this.values(name, length)
    return this.floats(name, plus === 0 ? values : values.map((v) => v + plus))
  }

  /** A tensor of `length` elements as f32, on the host. Throws invalid_file when it has another number of them. */
  async values(name: string, length: number): Promise<Float32Array> {
    const info = this.info(name)
    if (elementsOf(info.shape) !== length) throw this.wrongShape(info, [length])
    return dequantize(info.type, await this.read(info, 0, info.sizeBytes), length)
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
    names: { name: string; length: number; fileLength?: number; order?: (i: number) => number | null }[],
  ): Promise<GPUBuffer | null> {
    if (!names.some(({ name }) => this.has(name))) return null
    const stacked: number[] = []
    for (const { name, length, fileLength = length, order } of names) {
      const values = this.has(name) ? await this.values(name, fileLength) : null
      for (let i = 0; i < length; i++) {
        const from = order ? order(i) : i
        stacked.push(values === null || from === null ? 0 : values[from])
      }
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
      if (last && (await this.stacks(last[0], source))) last.push(source)
      else runs.push([source])
    }
    const matrices: PackedMatrix[] = []
    for (const run of runs)
      matrices.push(await (this.asCodes(run[0]) ? this.stackCodes(run, cols) : this.stack(run, cols)))
    return matrices
  }

  /** Outputs of a source's tensor. */
  outputsOf({ name, rows, transposed }: RowSource): number {
    const { shape, quantized } = this.info(name)
    return rows ?? shape[transposed && !quantized ? 1 : 0]
  }

  /** Whether a tensor's codes are packed as they are. */
  private asCodes(source: RowSource): boolean {
    return this.info(source.name).quantized !== undefined && !isPadded(source)
  }

  private async stacks(a: RowSource, b: RowSource): Promise<boolean> {
    if (this.options.fused === false) return false
    const [one, other] = [this.info(a.name), this.info(b.name)]
    if (one.type !== other.type || !sameLayout(layoutOfTensor(one), layoutOfTensor(other))) return false
    if (this.asCodes(a) !== this.asCodes(b)) return false
    if (!this.asCodes(a)) return true
    if (one.quantized?.bits !== other.quantized?.bits || one.quantized?.ordered !== other.quantized?.ordered)
      return false
    return !one.quantized?.ordered || sameGroups(await this.codes(one), await this.codes(other))
  }

  private async stack(sources: RowSource[], cols: number): Promise<PackedMatrix> {
    const readers = sources.map((source) => this.rowReader(source, cols))
    const { type } = readers[0]
    const { blockSize, blockBytes } = blockTypes[type]
    const int8 = this.options.int8 === true && blockSize === 1 && cols % 32 === 0
    const stored = int8 ? 'q8_0' : type
    const matrix = await this.upload({
      label: sources[0].name,
      layout: layoutOf(stored),
      rows: readers.reduce((sum, r) => sum + r.rows, 0),
      cols,
      rowBytes: (cols / blockSize) * blockBytes,
      tiles: async (packer, first, count) => {
        const raw = await takeStacked(readers, first, count)
        return packStored(
          packer,
          stored,
          int8 ? raw.map((row) => encodeBlocks('q8_0', dequantize(type, row, cols), cols)) : raw,
        )
      },
    })
    this.forget(sources)
    return matrix
  }

  private async stackCodes(sources: RowSource[], cols: number): Promise<PackedMatrix> {
    const parts: CodeRows[] = []
    for (const source of sources) {
      const info = this.info(source.name)
      if (info.shape.length !== 2 || info.shape[1] !== cols) throw this.wrongShape(info, [-1, cols])
      this.checkRows(info, source, info.shape[0])
      this.checkInputs(info, cols)
      parts.push(new CodeRows(await this.codes(info), source))
    }
    this.forget(sources)
    const info = this.info(sources[0].name)
    const order = columnOrder(parts[0].matrix)
    const columns = order === 'uneven' ? null : order
    const matrix = await this.upload({
      label: info.name,
      layout: order === 'uneven' ? layoutOf('f32') : layoutOfTensor(info),
      rows: parts.reduce((sum, p) => sum + p.rows, 0),
      cols,
      rowBytes: cols,
      tiles: async (packer, first, count) => packCodes(packer, await takeStacked(parts, first, count), columns),
    })
    if (columns && isScaled(matrix.layout.format)) matrix.columns = await this.buffers.columns(info.name, columns)
    return matrix
  }

  /** A matrix of codes, kept until it is packed: its groups are looked at before. */
  private async codes(info: TensorInfo): Promise<QuantizedMatrix> {
    const known = this.held.get(info.name)
    if (known) return known
    throwIfCancelled(this.options.signal)
    const matrix = await this.file.readQuantized!(info.name)
    this.loadedBytes += info.sizeBytes
    this.report(this.loadedBytes)
    this.held.set(info.name, matrix)
    return matrix
  }

  private forget(sources: RowSource[]): void {
    for (const { name } of sources) this.held.delete(this.info(name).name)
  }

  private upload(plan: MatrixPlan): Promise<PackedMatrix> {
    return uploadMatrix(this.gpu, this.buffers, plan, this.options.signal)
  }

  private rowReader(source: RowSource, cols: number): RowReader {
    const info = this.info(source.name)
    const [rows, width] = source.transposed ? [info.shape[1], info.shape[0]] : [info.shape[0], info.shape[1]]
    const { quantized } = info
    const type = quantized ? 'f32' : info.type
    const { blockSize } = blockTypes[type]
    const expected = source.inputs?.count ?? cols
    if (info.shape.length !== 2 || width !== expected || width % blockSize !== 0)
      throw this.wrongShape(info, source.transposed ? [expected, -1] : [-1, expected])
    this.checkRows(info, source, rows)
    this.checkInputs(info, cols)
    if (source.transposed && blockSize > 1)
      throw new MoruError('unsupported', `${info.name}: a quantized matrix cannot be transposed.`)
    const read = (offset: number, length: number) => this.read(info, offset, length)
    const dequantized = async (offset: number, length: number) =>
      bytesOf(dequantizeMatrix(await this.codes(info), offset / width / 4, length / width / 4))
    return new RowReader({ source, type, width, cols, fileRows: rows, read: quantized ? dequantized : read })
  }

  private checkRows(info: TensorInfo, { fileRows, transposed }: RowSource, rows: number): void {
    if (fileRows !== undefined && rows !== fileRows)
      throw this.wrongShape(info, transposed ? [-1, fileRows] : [fileRows, -1])
  }

  private checkInputs({ name }: TensorInfo, cols: number): void {
    if (cols % 4 !== 0)
      throw new MoruError('unsupported', `${name}: ${cols} inputs; Moru’s kernels need a multiple of 4.`)
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
