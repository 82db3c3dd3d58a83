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
  /** u32 [cols]: the inputs in the order that the weights lie in, where it is not their own (GPTQ's act-order). */
  columns: GPUBuffer | null
}

/** Tokens whose inputs are put in order at a time: 64 rows of them begin at a multiple of 256 bytes, as bindings must. */
export const orderedTokens = 256

/** Every buffer of a model, released together. */
export class WeightBuffers {
  readonly gpu: Gpu
  /** Sixteen zero bytes for bindings that a variant does not read. */
  readonly none: GPUBuffer
  private readonly buffers: GPUBuffer[] = []
  private inOrder: GPUBuffer | null = null
  private orderedBytes = 0
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

  /** The order of a matrix's inputs, and room for inputs in that order. */
  async columns(label: string, order: Uint32Array<ArrayBuffer>): Promise<GPUBuffer> {
    const columns = await this.allocate(`${label} input order`, order.byteLength)
    this.gpu.write(columns, 0, order)
    const bytes = orderedTokens * order.length * 4
    if (bytes > this.orderedBytes) {
      if (this.inOrder) this.drop(this.inOrder)
      this.inOrder = await this.allocate('inputs in order', bytes)
      this.orderedBytes = bytes
    }
    return columns
  }

  private drop(buffer: GPUBuffer): void {
    this.buffers.splice(this.buffers.indexOf(buffer), 1)
    this.sizeBytes -= buffer.size
    this.gpu.release(buffer)
  }

  /** [orderedTokens, cols] of the longest order. */
  get ordered(): GPUBuffer {
    return this.inOrder ?? this.none
  }

  release(): void {
    for (const buffer of this.buffers) this.gpu.release(buffer)
    this.buffers.length = 0
    this.sizeBytes = 0
  }
}
