/** Rounding a matrix, or some of its rows, by any of the methods. */
import { checkWeights, type MatrixMethod, quantizeMatrix } from '../quant/methods'
import { encodeBlocks, type EncodedMatrix, type EncodedType } from '../quant/blocks/encode'
import { gptq, gptqFactor, type GptqFactor, type GptqOptions } from './gptq'
import { diagonalOf, type InputMoments } from './layer-inputs'
import { type Pace } from './pace'
import { type RoundedMatrix } from './rounded-matrix'

/** GGUF's blocks, whose scales lose least squared error, times what each input counts where that is known. */
interface BlockRounding {
  method: 'blocks'
  type: EncodedType
}

export type Rounding =
  MatrixMethod | BlockRounding | ({ method: 'gptq' } & Pick<GptqOptions, 'bits' | 'group' | 'symmetric' | 'search'>)

/** What a run's matrices have in common. */
export type GptqSettings = Pick<GptqOptions, 'damping' | 'actOrder' | 'blockColumns'>

/** Weights that are put into blocks between two chances to stop. */
const partWeights = 65_536

export class MatrixRounder {
  private readonly options: GptqSettings
  private readonly pace: Pace
  /** Matrices that read the same inputs share one. */
  private readonly factors = new Map<InputMoments, GptqFactor>()

  constructor(options: GptqSettings, pace: Pace) {
    this.options = options
    this.pace = pace
  }

  /**
   * @param weights [rows, cols]
   * @param moments of the inputs; null where nothing is known of them, which GPTQ cannot do with
   * @param importance of each input to blocks, where it is not that of `moments`
   * Throws invalid_input (weights that are no numbers, groups that do not divide, a Hessian that is not positive definite), cancelled.
   */
  async round(
    weights: Float32Array,
    cols: number,
    rounding: Rounding,
    moments: InputMoments | null,
    importance?: Float32Array,
  ): Promise<RoundedMatrix> {
    const diagonal = moments ? diagonalOf(moments) : undefined
    switch (rounding.method) {
      case 'gptq': {
        const factor = await this.factorOf(moments!)
        return gptq(weights, cols, factor, { ...this.options, ...rounding, scaleType: 'f16' }, this.pace)
      }
      case 'blocks':
        return this.toBlocks(weights, cols, rounding.type, importance ?? diagonal)
      default:
        return quantizeMatrix(weights, cols, rounding, diagonal)
    }
  }

  private async factorOf(moments: InputMoments): Promise<GptqFactor> {
    let factor = this.factors.get(moments)
    if (!factor) {
      factor = await gptqFactor(moments.gram, moments.cols, this.options, this.pace)
      this.factors.set(moments, factor)
    }
    return factor
  }

  private async toBlocks(
    weights: Float32Array,
    cols: number,
    type: EncodedType,
    importance: Float32Array | undefined,
  ): Promise<EncodedMatrix> {
    checkWeights(weights, cols)
    const parts: Uint8Array[] = []
    const step = Math.max(1, Math.floor(partWeights / cols)) * cols
    for (let at = 0; at < weights.length; at += step) {
      parts.push(encodeBlocks(type, weights.subarray(at, at + step), cols, importance))
      await this.pace.rest()
    }
    return { rows: weights.length / cols, cols, type, bytes: new Uint8Array(Buffer.concat(parts)) }
  }
}
