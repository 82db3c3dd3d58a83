/** y = W x (+ b) for packed weights of any format, whole or in pieces. */
import { type Binding } from '../device/bindings'
import { gatherColumns } from '../kernels/gather-columns'
import { int8Inputs, matmulInt8Tiled, matmulInt8Vec } from '../kernels/int8'
import { matmulTiled, matmulVec } from '../kernels/matmul'
import { layoutConstants } from '../kernels/weight-formats'
import { isScaled, stepsOf } from '../quant/packed-layout'
import { type ActivationType, type Step } from './step'
import { type RowSource } from './rows'
import { type WeightLoader } from './weight-loader'
import { type MatrixPiece, orderedTokens, type PackedMatrix, roundedTokens, type WeightBuffers } from './weights'

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

type Recording = Pick<Step, 'recorder'>

/** A call for a part of the tokens, whose rows may lie within a buffer. */
type PartCall = Omit<LinearCall, 'x' | 'y'> & { x: Binding; y: Binding }

/** Up to this many tokens one pass over the weights a token is quicker than a tile of eight tokens. */
const vectorTokens = 3

export class Linear {
  readonly rows: number
  readonly cols: number
  readonly matrices: PackedMatrix[]
  /** Canonical names of the stacked tensors. */
  readonly names: readonly string[]
  private readonly bias: GPUBuffer | null
  private readonly buffers: Pick<WeightBuffers, 'none' | 'ordered' | 'roundedInputs'>

  constructor(
    matrices: PackedMatrix[],
    bias: GPUBuffer | null,
    buffers: Pick<WeightBuffers, 'none' | 'ordered' | 'roundedInputs'>,
    names: readonly string[] = [],
  ) {
    this.matrices = matrices
    this.names = names
    this.rows = matrices.reduce((sum, m) => sum + m.rows, 0)
    this.cols = matrices[0].cols
    this.bias = bias
    this.buffers = buffers
  }

  /** Loads the sources' rows stacked, and their biases (of as many rows) where the file has them. */
  static async load(w: WeightLoader, sources: RowSource[], cols: number): Promise<Linear> {
    const matrices = await w.matrices(sources, cols)
    const biases = sources.map((s) => ({
      name: s.name.replace(/\.weight$/, '.bias'),
      length: w.outputsOf(s),
      fileLength: s.fileRows,
      order: s.order,
    }))
    const names = sources.map((s) => s.name)
    return new Linear(matrices, await w.stackedVector(biases), w.buffers, names)
  }

  run(step: Pick<Step, 'recorder' | 'tap'>, call: LinearCall): void {
    step.tap?.(this, call.x, call.tokens)
    let offset = 0
    for (const matrix of this.matrices) {
      if (matrix.columns) this.runOrdered(step, call, matrix, matrix.columns, offset)
      else if (matrix.layout.inputThreshold !== undefined) this.runRounded(step, call, matrix, offset)
      else this.runMatrix(step, call, matrix, offset)
      offset += matrix.rows
    }
  }

  /** Puts the inputs into the matrix's order first, as many tokens at a time as there is room for. */
  private runOrdered(
    step: Recording,
    call: LinearCall,
    matrix: PackedMatrix,
    columns: GPUBuffer,
    offset: number,
  ): void {
    const { cols } = matrix
    for (const part of this.parts(call, cols, orderedTokens)) {
      const ordered = this.buffers.ordered
      step.recorder.run(gatherColumns, { IN: call.input }, { x: part.x, columns, y: ordered }, { tokens: part.tokens, cols }) // prettier-ignore
      this.runMatrix(step, { ...part, x: ordered }, matrix, offset)
    }
  }

  /** Rounds the inputs to bytes first, as many tokens at a time as there is room for. */
  private runRounded(step: Recording, call: LinearCall, matrix: PackedMatrix, offset: number): void {
    const { layout, cols } = matrix
    // Numbers that f32 does not hold are beyond every input as well.
    const threshold = Math.min(layout.inputThreshold ?? Infinity, 3e38)
    for (const part of this.parts(call, cols, roundedTokens)) {
      const { codes, scales, outliers } = this.buffers.roundedInputs
      step.recorder.run(
        int8Inputs,
        { IN: call.input },
        { x: part.x, codes, inputScales: scales, outliers },
        { tokens: part.tokens, cols, steps: stepsOf(cols), threshold },
      )
      for (const piece of matrix.pieces) this.runProducts(step, part, matrix, piece, offset + piece.firstRow)
    }
  }

  /** A call cut into calls of at most `most` tokens, a multiple of 64: so bindings begin where they may. */
  private parts(call: LinearCall, cols: number, most: number): (PartCall & { stride: number })[] {
    const stride = call.stride ?? this.rows
    const bytes = (type: ActivationType) => (type === 'f16' ? 2 : 4)
    if (call.tokens <= most) return [{ ...call, stride }]
    return Array.from({ length: Math.ceil(call.tokens / most) }, (_, i) => {
      const first = i * most
      const tokens = Math.min(most, call.tokens - first)
      const part = (buffer: GPUBuffer, width: number) => ({ buffer, offset: first * width, size: tokens * width })
      const x = part(call.x, cols * bytes(call.input))
      return { ...call, x, y: part(call.y, stride * bytes(call.output)), tokens, stride }
    })
  }

  private runProducts(
    step: Recording,
    call: PartCall,
    matrix: PackedMatrix,
    piece: MatrixPiece,
    outOffset: number,
  ): void {
    const { codes, scales: inputScales, outliers } = this.buffers.roundedInputs
    const { weights, scales } = piece
    const { WIDE, GROUP } = layoutConstants(matrix.layout)
    const { constants, bindings, values } = this.product(call, matrix, piece, outOffset)
    step.recorder.run(
      call.tokens <= vectorTokens ? matmulInt8Vec : matmulInt8Tiled,
      { ...constants, WIDE, GROUP },
      { ...bindings, weights, scales, codes, inputScales, outliers },
      values,
    )
  }

  private runMatrix(step: Recording, call: PartCall, matrix: PackedMatrix, offset: number): void {
    for (const piece of matrix.pieces) this.runPiece(step, call, matrix, piece, offset + piece.firstRow)
  }

  private runPiece(step: Recording, call: PartCall, matrix: PackedMatrix, piece: MatrixPiece, outOffset: number): void {
    const { format } = matrix.layout
    const { weights, scales, highBits } = piece
    const { constants, bindings, values } = this.product(call, matrix, piece, outOffset)
    step.recorder.run(
      (call.tokens <= vectorTokens ? matmulVec : matmulTiled)[format],
      { ...constants, SCALED: isScaled(format), ...layoutConstants(matrix.layout) },
      { ...bindings, weights, scales, highBits },
      values,
    )
  }

  /** What every matrix product is told, whatever its weights and inputs are. */
  private product(call: PartCall, { cols }: PackedMatrix, { rows }: MatrixPiece, outOffset: number) {
    const { x, y, tokens, input, output, add = false, stride = this.rows } = call
    const { bias } = this
    return {
      constants: { IN: input, OUT: output, BIAS: bias !== null, ADD: add, OCTETS: tokens <= 8 ? 1 : 2 },
      bindings: { x, bias: bias ?? this.buffers.none, y },
      values: { tokens, cols, steps: stepsOf(cols), rows, out_offset: outOffset, out_stride: stride },
    }
  }
}
