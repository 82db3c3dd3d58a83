/** Weights on the GPU: packed matrices in pieces that bindings can hold, and plain vectors. */
import { type Gpu } from '../device/gpu'
import { type PackedLayout } from '../quant/packed-layout'

/** Consecutive rows of a matrix, in buffers of their own. */
export interface MatrixPiece {
  firstRow: number
  rows: number
  weights: GPUBuffer
  scales: GPUBuffer
  highBits: GPUBuffer
}

export interface PackedMatrix {
  layout: PackedLayout
  rows: number
  cols: number
  pieces: MatrixPiece[]
}

/** Every buffer of a model, released together. */
export class WeightBuffers {
  readonly gpu: Gpu
  /** Sixteen zero bytes for bindings that a variant does not read. */
  readonly none: GPUBuffer
  private readonly buffers: GPUBuffer[] = []
  sizeBytes = 0

  private constructor(gpu: Gpu, none: GPUBuffer) {
    this.gpu = gpu
    this.none = none
    this.buffers.push(none)
  }

  static async open(gpu: Gpu): Promise<WeightBuffers> {
    return new WeightBuffers(gpu, await gpu.allocate('unused binding', 16))
  }

  /** A buffer of `bytes`, or `none` for 0. */
  async allocate(label: string, bytes: number): Promise<GPUBuffer> {
    if (bytes === 0) return this.none
    const buffer = await this.gpu.allocate(label, bytes)
    this.buffers.push(buffer)
    this.sizeBytes += buffer.size
    return buffer
  }

  release(): void {
    for (const buffer of this.buffers) this.gpu.release(buffer)
    this.buffers.length = 0
    this.sizeBytes = 0
  }
}
