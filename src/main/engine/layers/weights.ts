/** Weights on the GPU: packed matrices in pieces that bindings can hold, and plain vectors. */
import { type Gpu } from '../device/gpu'
import { outlierBlock } from '../kernels/int8'
import { type PackedLayout, stepsOf } from '../quant/packed-layout'

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

/** Tokens whose inputs are rounded to bytes at a time: whole blocks that share outliers. */
export const roundedTokens = 256

/** Room for the inputs of int8 products, as int8_inputs writes them: of `roundedTokens` tokens. */
export interface RoundedInputs {
  codes: GPUBuffer
  scales: GPUBuffer
  outliers: GPUBuffer
}

/** Bytes of `RoundedInputs` for rows of `cols` inputs. */
export function roundedBytes(cols: number): { codes: number; scales: number; outliers: number } {
  const steps = stepsOf(cols)
  return {
    codes: roundedTokens * steps * 32,
    scales: roundedTokens * 4,
    outliers: (roundedTokens / outlierBlock) * steps * 4,
  }
}

/** Every buffer of a model, released together. */
export class WeightBuffers {
  readonly gpu: Gpu
  /** Sixteen zero bytes for bindings that a variant does not read. */
  readonly none: GPUBuffer
  private readonly buffers: GPUBuffer[] = []
  private inOrder: GPUBuffer | null = null
  private orderedBytes = 0
  private rounded: RoundedInputs | null = null
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

  /** Makes room for rounded inputs of `cols` where there is less so far. */
  async roomForRounded(cols: number): Promise<void> {
    const bytes = roundedBytes(cols)
    if (this.rounded && this.rounded.codes.size >= bytes.codes) return
    for (const buffer of Object.values(this.rounded ?? {})) this.drop(buffer)
    this.rounded = {
      codes: await this.allocate('rounded inputs', bytes.codes),
      scales: await this.allocate('scales of rounded inputs', bytes.scales),
      outliers: await this.allocate('outliers', bytes.outliers),
    }
  }

  /** Of the longest rows that room was made for. */
  get roundedInputs(): RoundedInputs {
    const { none } = this
    return this.rounded ?? { codes: none, scales: none, outliers: none }
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
