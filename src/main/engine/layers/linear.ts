/** y = W x (+ b) for packed weights of any format, whole or in pieces. */
import { matmulTiled, matmulVec } from '../kernels/matmul'
import { isAffine, layoutConstants } from '../kernels/weight-formats'
import { stepsOf } from '../quant/packed-layout'
import { type ActivationType, type Step } from './step'
import { type RowSource, type WeightLoader } from './weight-loader'
import { type PackedMatrix } from './weights'

export interface LinearCall {
  x: GPUBuffer
  y: GPUBuffer
  tokens: number
  input: ActivationType
  output: ActivationType
  /** Adds to y instead of overwriting it. */
  add?: boolean
  /** Elements from row to row of y; default: the layer's rows. */
  stride?: number
}

/** Up to this many tokens one pass over the weights a token is quicker than a tile of eight tokens. */
const vectorTokens = 3

export class Linear {
  readonly rows: number
  readonly cols: number
  readonly matrices: PackedMatrix[]
  /** Canonical names of the stacked tensors. */
  readonly names: readonly string[]
  private readonly bias: GPUBuffer | null
  private readonly none: GPUBuffer

  constructor(matrices: PackedMatrix[], bias: GPUBuffer | null, none: GPUBuffer, names: readonly string[] = []) {
    this.matrices = matrices
    this.names = names
    this.rows = matrices.reduce((sum, m) => sum + m.rows, 0)
    this.cols = matrices[0].cols
    this.bias = bias
    this.none = none
  }

  /** Loads the sources' rows stacked, and their biases (of as many rows) where the file has them. */
  static async load(w: WeightLoader, sources: RowSource[], cols: number): Promise<Linear> {
    const matrices = await w.matrices(sources, cols)
    const biases = sources.map((s) => ({
      name: s.name.replace(/\.weight$/, '.bias'),
      length: s.rows ?? w.info(s.name).shape[s.transposed ? 1 : 0],
      order: s.order,
    }))
    const names = sources.map((s) => s.name)
    return new Linear(matrices, await w.stackedVector(biases), w.buffers.none, names)
  }

  run(step: Pick<Step, 'recorder' | 'tap'>, call: LinearCall): void {
    step.tap?.(this, call.x, call.tokens)
    let offset = 0
    for (const matrix of this.matrices) {
      for (const piece of matrix.pieces) this.runPiece(step, call, matrix, piece, offset + piece.firstRow)
      offset += matrix.rows
    }
  }

  private runPiece(
    step: Pick<Step, 'recorder'>,
    call: LinearCall,
    { layout, cols }: PackedMatrix,
    piece: PackedMatrix['pieces'][number],
    outOffset: number,
  ): void {
    const { tokens, x, y } = call
    const vector = tokens <= vectorTokens
    const kernel = (vector ? matmulVec : matmulTiled)[layout.format]
    const { weights, scales, highBits } = piece
    const bias = this.bias ?? this.none
    step.recorder.run(
      kernel,
      {
        IN: call.input,
        OUT: call.output,
        AFFINE: isAffine(layout.format),
        ...layoutConstants(layout),
        BIAS: this.bias !== null,
        ADD: call.add ?? false,
        OCTETS: tokens <= 8 ? 1 : 2,
      },
      { weights, scales, highBits, x, bias, y },
      {
        tokens,
        cols,
        steps: stepsOf(cols),
        rows: piece.rows,
        out_offset: outOffset,
        out_stride: call.stride ?? this.rows,
      },
    )
  }
}
