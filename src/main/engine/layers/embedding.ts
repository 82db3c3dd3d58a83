/** Rows of a packed matrix by id: token and position embeddings. */
import { MoruError } from '../../../shared/errors'
import { embed } from '../kernels/embed'
import { layoutConstants } from '../kernels/weight-formats'
import { stepsOf } from '../quant/packed-layout'
import { type Step } from './step'
import { type PackedMatrix } from './weights'

export class Embedding {
  readonly matrices: PackedMatrix[]
  private readonly scale: number

  /** `scale` multiplies every row: Gemma's sqrt(hidden). Throws unsupported on a table in act-order. */
  constructor(matrices: PackedMatrix[], scale = 1) {
    if (matrices.some((m) => m.columns !== null))
      throw new MoruError(
        'unsupported',
        'An embedding table whose columns were quantized out of order (act-order) cannot be read.',
      )
    this.matrices = matrices
    this.scale = scale
  }

  /** Writes, or adds, the rows of `ids` to y, f32 [tokens, cols]. */
  run(step: Step, ids: GPUBuffer, y: GPUBuffer, tokens: number, add = false): void {
    for (const { layout, cols, pieces } of this.matrices)
      for (const { weights, scales, highBits, rows, firstRow } of pieces)
        step.recorder.run(
          embed[layout.format],
          { ...layoutConstants(layout), ADD: add },
          { weights, scales, highBits, ids, y },
          { tokens, cols, steps: stepsOf(cols), rows, first_row: firstRow, scale: this.scale },
        )
  }
}
