/** What the linear layers of a block read: second moments on the GPU, magnitudes on the host. */
import { type Gpu } from '../device/gpu'
import { type Recorder } from '../kernels/recorder'
import { GramSum } from './gram'

/** Of inputs of one width, over the windows of one kind. */
export interface InputMoments {
  cols: number
  /** X^T X, [cols, cols]. */
  gram: Float32Array<ArrayBuffer>
  meanAbs: Float32Array
}

/** Of the inputs divided by `scales`, [cols]. */
export function scaledMoments({ cols, gram, meanAbs }: InputMoments, scales: Float32Array): InputMoments {
  return {
    cols,
    gram: gram.map((g, i) => g / (scales[Math.floor(i / cols)] * scales[i % cols])),
    meanAbs: meanAbs.map((m, i) => m / scales[i]),
  }
}

/** Sums of the squares of each input, [cols]. */
export const diagonalOf = ({ gram, cols }: InputMoments): Float32Array =>
  Float32Array.from({ length: cols }, (_, i) => gram[i * cols + i])

export class InputSums {
  private readonly gram: GramSum
  private readonly sumAbs: Float64Array

  private constructor(gram: GramSum) {
    this.gram = gram
    this.sumAbs = new Float64Array(gram.cols)
  }

  static async open(gpu: Gpu, recorder: Recorder, cols: number, tokens: number): Promise<InputSums> {
    return new InputSums(await GramSum.open(gpu, recorder, cols, tokens))
  }

  /** x: f32 [tokens, cols]. */
  add(x: Float32Array, tokens: number): void {
    const { cols } = this.gram
    for (let t = 0; t < tokens; t++)
      for (let c = 0, at = t * cols; c < cols; c++, at++) this.sumAbs[c] += Math.abs(x[at])
    this.gram.add(x, tokens)
  }

  async moments(): Promise<InputMoments> {
    const { cols, rows } = this.gram
    return {
      cols,
      gram: await this.gram.read(),
      meanAbs: Float32Array.from(this.sumAbs, (sum) => sum / Math.max(1, rows)),
    }
  }

  release(): void {
    this.gram.release()
  }
}
