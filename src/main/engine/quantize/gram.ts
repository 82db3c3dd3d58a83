/** X^T X of a layer's inputs, summed on the GPU as they come; what it says of an error in the weights. */
import { type Gpu } from '../device/gpu'
import { type Recorder } from '../kernels/recorder'
import { DenseMatrix, HostBuffer } from './dense-matrix'

/** Rows of X^T in one product: whole tiles on every device. */
const blockRows = 256

/** X^T X [cols, cols] in f32. The sum is symmetric: blocks above the diagonal are not computed. */
export class GramSum {
  readonly cols: number
  /** Rows of X seen. */
  rows = 0
  private readonly gpu: Gpu
  private readonly recorder: Recorder
  private readonly blocks: { weights: DenseMatrix; x: GPUBuffer; sum: HostBuffer; first: number; count: number }[] = []
  private readonly tokens: number

  private constructor(gpu: Gpu, recorder: Recorder, cols: number, tokens: number) {
    this.gpu = gpu
    this.recorder = recorder
    this.cols = cols
    this.tokens = tokens
  }

  /** `tokens`: most rows of X given at a time. Throws out_of_memory. */
  static async open(gpu: Gpu, recorder: Recorder, cols: number, tokens: number): Promise<GramSum> {
    const padded = Math.ceil(tokens / 32) * 32
    const gram = new GramSum(gpu, recorder, cols, padded)
    try {
      for (let first = 0; first < cols; first += blockRows) {
        const count = Math.min(blockRows, cols - first)
        gram.blocks.push({
          weights: await DenseMatrix.open(gpu, count, padded, first),
          x: await gpu.allocate('transposed inputs', count * padded * 4),
          // As far as the diagonal block goes.
          sum: await HostBuffer.open(gpu, 'gram', count * (first + count)),
          first,
          count,
        })
      }
      return gram
    } catch (error) {
      gram.release()
      throw error
    }
  }

  /** Adds x^T x of x [rows, cols]; the rest of the largest batch counts as zeros. */
  add(x: Float32Array, rows: number): void {
    const { cols, tokens, gpu, recorder } = this
    this.rows += rows
    for (const { weights, x: buffer, first, count } of this.blocks) {
      const transposed = new Float32Array(count * tokens)
      for (let t = 0; t < rows; t++)
        for (let i = 0; i < count; i++) transposed[i * tokens + t] = x[t * cols + first + i]
      weights.write(transposed)
      gpu.write(buffer, 0, transposed)
    }
    this.blocks.forEach(({ x: own, sum, first, count }, b) => {
      const stride = first + count
      for (const other of this.blocks.slice(0, b + 1))
        other.weights.linear.run(
          { recorder },
          { x: own, y: sum.buffer, tokens: count, input: 'f32', output: 'f32', add: true, stride },
        )
    })
    recorder.submit()
  }

  /** The sum so far, [cols, cols]. */
  async read(): Promise<Float32Array<ArrayBuffer>> {
    const { cols } = this
    const out = new Float32Array(cols * cols)
    for (const { sum, first, count } of this.blocks) {
      const stride = first + count
      const own = await sum.read(this.recorder, count * stride)
      for (let i = 0; i < count; i++)
        for (let j = 0; j < stride; j++) {
          out[(first + i) * cols + j] = own[i * stride + j]
          out[j * cols + first + i] = own[i * stride + j]
        }
    }
    return out
  }

  release(): void {
    for (const { weights, x, sum } of this.blocks) {
      weights.release()
      this.gpu.release(x)
      sum.release()
    }
    this.blocks.length = 0
  }
}

/** How much a change D of the weights changes the outputs: the squares of X D^T, from X^T X alone. */
export class OutputEnergy {
  private readonly gram: DenseMatrix
  private readonly x: HostBuffer
  private readonly y: HostBuffer
  private readonly recorder: Recorder
  private readonly rows: number

  private constructor(gram: DenseMatrix, x: HostBuffer, y: HostBuffer, recorder: Recorder, rows: number) {
    this.gram = gram
    this.x = x
    this.y = y
    this.recorder = recorder
    this.rows = rows
  }

  /** `rows`: most rows of D computed at a time. Throws out_of_memory. */
  static async open(
    gpu: Gpu,
    recorder: Recorder,
    gram: Float32Array,
    cols: number,
    rows: number,
  ): Promise<OutputEnergy> {
    const matrix = await DenseMatrix.open(gpu, cols, cols)
    matrix.write(gram)
    const floats = rows * cols
    return new OutputEnergy(
      matrix,
      await HostBuffer.open(gpu, 'weight change', floats),
      await HostBuffer.open(gpu, 'weight change by gram', floats),
      recorder,
      rows,
    )
  }

  /** sum over t of (X D^T)[t, r]^2 = D[r] G D[r]^T for each row r of `change` [rows, cols]. */
  async of(change: Float32Array<ArrayBuffer>): Promise<Float64Array> {
    const { cols } = this.gram
    const all = change.length / cols
    const out = new Float64Array(all)
    for (let from = 0; from < all; from += this.rows) {
      const count = Math.min(this.rows, all - from)
      const own = change.subarray(from * cols, (from + count) * cols)
      this.x.write(own)
      this.gram.linear.run(
        { recorder: this.recorder },
        { x: this.x.buffer, y: this.y.buffer, tokens: count, input: 'f32', output: 'f32' },
      )
      const product = await this.y.read(this.recorder, count * cols)
      for (let r = 0; r < count; r++) {
        let sum = 0
        for (let c = r * cols; c < (r + 1) * cols; c++) sum += own[c] * product[c]
        out[from + r] = Math.max(0, sum)
      }
    }
    return out
  }

  release(): void {
    this.gram.release()
    this.x.release()
    this.y.release()
  }
}

/** Of the rows' energies. */
export const total = (values: Float64Array): number => values.reduce((a, b) => a + b, 0)
