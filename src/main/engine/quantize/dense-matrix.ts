/** Products of f32 matrices from the host on the GPU, with the kernels that run the models. */
import { storageUsage, type Gpu } from '../device/gpu'
import { bytesOf } from '../formats/number-bytes'
import { type Recorder } from '../kernels/recorder'
import { Linear } from '../layers/linear'
import { WeightBuffers, type MatrixPiece } from '../layers/weights'
import { TilePacker } from '../quant/pack'
import { layoutOf, packedBytes } from '../quant/packed-layout'

/** W [rows, cols] on the GPU, as the weights of products y = x W^T; written over again and again. */
export class DenseMatrix {
  readonly rows: number
  readonly cols: number
  readonly linear: Linear
  private readonly gpu: Gpu
  private readonly buffers: WeightBuffers
  private readonly piece: MatrixPiece
  private readonly packer: TilePacker

  private constructor(
    gpu: Gpu,
    shape: { rows: number; cols: number; firstRow: number },
    buffers: WeightBuffers,
    weights: GPUBuffer,
  ) {
    const { rows, cols, firstRow } = shape
    this.gpu = gpu
    this.rows = rows
    this.cols = cols
    this.buffers = buffers
    this.packer = new TilePacker(layoutOf('f32'), cols, gpu.profile.lanes)
    this.piece = { firstRow, rows, weights, scales: buffers.none, highBits: buffers.none }
    const { layout } = this.packer
    this.linear = new Linear([{ layout, rows, cols, pieces: [this.piece], columns: null }], null, buffers)
  }

  /** `cols`: a multiple of 4. `firstRow`: place of its first output among those of a product. Throws out_of_memory. */
  static async open(gpu: Gpu, rows: number, cols: number, firstRow = 0): Promise<DenseMatrix> {
    const buffers = await WeightBuffers.open(gpu)
    const { weights } = packedBytes(layoutOf('f32'), rows, cols, gpu.profile.lanes)
    return new DenseMatrix(gpu, { rows, cols, firstRow }, buffers, await buffers.allocate('dense matrix', weights))
  }

  /** `values`: [rows, cols]. */
  write(values: Float32Array): void {
    const { rows, cols } = this
    const raw = Array.from({ length: rows }, (_, r) => bytesOf(values.subarray(r * cols, (r + 1) * cols)))
    this.gpu.write(this.piece.weights, 0, this.packer.packPlain(raw).weights)
  }

  release(): void {
    this.buffers.release()
  }
}

/** A buffer on the GPU and the one it is read back through. */
export class HostBuffer {
  readonly buffer: GPUBuffer
  private readonly gpu: Gpu
  private readonly staging: GPUBuffer

  private constructor(gpu: Gpu, buffer: GPUBuffer, staging: GPUBuffer) {
    this.gpu = gpu
    this.buffer = buffer
    this.staging = staging
  }

  static async open(gpu: Gpu, label: string, floats: number): Promise<HostBuffer> {
    const buffer = await gpu.allocate(label, floats * 4, storageUsage())
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST
    return new HostBuffer(gpu, buffer, await gpu.allocate(`${label} read back`, floats * 4, usage))
  }

  write(values: Float32Array<ArrayBuffer>): void {
    this.gpu.write(this.buffer, 0, values)
  }

  /** Submits what the recorder holds and reads the first `floats`. */
  async read(recorder: Recorder, floats: number): Promise<Float32Array> {
    recorder.copy(this.buffer, 0, this.staging, 0, floats * 4)
    recorder.submit()
    return new Float32Array(await this.gpu.mapped(this.staging, floats * 4))
  }

  release(): void {
    this.gpu.release(this.buffer)
    this.gpu.release(this.staging)
  }
}
