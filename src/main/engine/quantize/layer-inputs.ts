/** What the linear layers of a block read: second moments on the GPU, magnitudes on the host. */
import { type Gpu } from '../device/gpu'
import { type Recorder } from '../kernels/recorder'
import { GramSum } from './gram'

/** Of inputs of one width, over the windows of one kind. */
export interface InputMoments {
  cols: number
  rows: number
  /** X^T X, [cols, cols]. */
  gram: Float32Array<ArrayBuffer>
  meanAbs: Float32Array
  maxAbs: Float32Array
}

export class InputSums {
  private readonly gram: GramSum
  private readonly sumAbs: Float64Array
  private readonly maxAbs: Float32Array

  private constructor(gram: GramSum) {
    this.gram = gram
    this.sumAbs = new Float64Array(gram.cols)
    this.maxAbs = new Float32Array(gram.cols)
  }

  static async open(gpu: Gpu, recorder: Recorder, cols: number, tokens: number): Promise<InputSums> {
    return new InputSums(await GramSum.open(gpu, recorder, cols, tokens))
  }

  /** x: f32 [tokens, cols]. */
  add(x: Float32Array, tokens: number): void {
    const { cols } = this.gram
    for (let t = 0; t < tokens; t++)
      for (let c = 0, at = t * cols; c < cols; c++, at++) {
        const magnitude = Math.abs(x[at])
        this.sumAbs[c] += magnitude
        if (magnitude > this.maxAbs[c]) this.maxAbs[c] = magnitude
      }
    this.gram.add(x, tokens)
  }

  async moments(): Promise<InputMoments> {
    const { cols, rows } = this.gram
    return {
      cols,
      rows,
      gram: await this.gram.read(),
      meanAbs: Float32Array.from(this.sumAbs, (sum) => sum / Math.max(1, rows)),
      maxAbs: this.maxAbs,
    }
  }

  release(): void {
    this.gram.release()
  }
}
