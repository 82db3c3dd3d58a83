/** One block's matrices: scaled where the recipe says so, rounded, and measured against inputs that the method has not seen. */
import { MoruError } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { type WeightFile } from '../formats/weight-file'
import { type Recorder } from '../kernels/recorder'
import { type ModelConfig } from '../models/config'
import { tensorNames } from '../models/tensor-names'
import { searchScales } from './awq'
import { type Fold, foldsOf, normOffset, rowScales, scaleInputs } from './fold'
import { OutputEnergy, total } from './gram'
import { type InputMoments, scaledMoments } from './layer-inputs'
import { type GptqSettings, MatrixRounder, type Rounding } from './matrix-rounder'
import { type LinearRole, type ModelMatrix, readValues } from './model-matrices'
import { type Pace } from './pace'
import { type RoundedMatrix, valuesOf } from './rounded-matrix'

/** How one matrix is quantized. */
export interface MatrixRecipe {
  /** Scales the inputs first (AWQ). */
  scaled: boolean
  rounding: Rounding
}

export interface BlockOptions {
  /** null: the matrix stays as it is. */
  recipeOf: (matrix: ModelMatrix) => MatrixRecipe | null
  gptq: GptqSettings
  awq: { steps: number }
  /** How much an error of each input counts, by GGUF's name of the weights; default: as the inputs seen say. For GGUF's blocks. */
  importance?: ReadonlyMap<string, Float32Array>
}

export interface BlockContext {
  gpu: Gpu
  recorder: Recorder
  file: WeightFile
  config: ModelConfig
  layer: number
  matrices: ModelMatrix[]
  options: BlockOptions
  /** Of a matrix's inputs; null where the recipe needs none. Matrices that read the same share one. */
  calibration: (role: LinearRole) => InputMoments | null
  /** null: errors are measured on the calibration inputs. */
  heldOut: (role: LinearRole) => InputMoments | null
  pace: Pace
}

export interface MatrixOutcome {
  matrix: ModelMatrix
  quantized: RoundedMatrix
  /** ||X (W - Q)^T|| / ||X W^T||; NaN where nothing is known of the inputs. */
  relativeError: number
  weightMse: number
}

export interface BlockOutcome {
  matrices: MatrixOutcome[]
  /** Norms and biases that took up scales, by the file's names. */
  vectors: Map<string, Float32Array<ArrayBuffer>>
}

/** Rows of a change of the weights that are multiplied at a time. */
const energyRows = 768

/** Throws invalid_input, with the matrix (weights that are no numbers, groups that do not divide, a Hessian that is not positive definite), cancelled. */
export async function quantizeBlock(context: BlockContext): Promise<BlockOutcome> {
  return new BlockQuantizer(context).run()
}

/** Throws invalid_input where the importance matrix is of another model. */
export function importanceFor(canonical: string, cols: number, importance?: ReadonlyMap<string, Float32Array>) {
  const inputs = importance?.get(canonical)
  if (!inputs || inputs.length === cols) return inputs
  throw new MoruError(
    'invalid_input',
    `The importance matrix has ${inputs.length} inputs for ${canonical}, which has ${cols}: it belongs to another model.`,
  )
}

class BlockQuantizer {
  private readonly context: BlockContext
  private readonly weights = new Map<LinearRole, Float32Array<ArrayBuffer>>()
  private readonly vectors = new Map<string, Float32Array<ArrayBuffer>>()
  /** Of each input, by what describes it: scales that were folded out of it. */
  private readonly scales = new Map<InputMoments, Float32Array>()
  private readonly scaled = new Map<InputMoments, InputMoments>()
  private readonly rounder: MatrixRounder

  constructor(context: BlockContext) {
    this.context = context
    this.rounder = new MatrixRounder(context.options.gptq, context.pace)
  }

  async run(): Promise<BlockOutcome> {
    const { matrices, file, options } = this.context
    for (const { role, name } of matrices) this.weights.set(role, await readValues(file, name))
    if (matrices.some((m) => options.recipeOf(m)?.scaled)) await this.scale()
    const outcomes: MatrixOutcome[] = []
    for (const matrix of matrices) {
      const recipe = options.recipeOf(matrix)
      if (recipe) outcomes.push(await this.quantize(matrix, recipe))
    }
    await this.measure(outcomes)
    return { matrices: outcomes, vectors: this.vectors }
  }

  /** All scales are searched on the matrices as they are; then folded. */
  private async scale(): Promise<void> {
    const { config, matrices } = this.context
    const folds = foldsOf(config, new Set(matrices.map((m) => m.role)))
    const found: { fold: Fold; scales: Float32Array }[] = []
    for (const fold of folds) {
      const scales = await this.searchFold(fold)
      if (scales) found.push({ fold, scales })
    }
    for (const { fold, scales } of found) await this.applyFold(fold, scales)
  }

  private async searchFold(fold: Fold): Promise<Float32Array | null> {
    const { matrices, options, gpu, recorder, calibration, pace } = this.context
    const readers = matrices.filter((m) => fold.readers.includes(m.role))
    const recipe = options.recipeOf(readers[0])
    const moments = calibration(readers[0].role)
    if (!recipe?.scaled || !moments || !('symmetric' in recipe.rounding)) return null
    const { bits, group, symmetric } = recipe.rounding
    const energy = await OutputEnergy.open(gpu, recorder, moments.gram, moments.cols, energyRows)
    try {
      const inputs = {
        weights: readers.map((m) => this.weights.get(m.role)!),
        cols: moments.cols,
        meanAbs: moments.meanAbs,
        energy,
        shared: fold.shared,
      }
      const asked = { bits, group, symmetric, scaleType: 'f16' as const, steps: options.awq.steps }
      return await searchScales(inputs, asked, pace)
    } finally {
      energy.release()
    }
  }

  private async applyFold({ readers, source, shared }: Fold, scales: Float32Array): Promise<void> {
    const { matrices, calibration, heldOut } = this.context
    for (const role of readers) {
      const weights = this.weights.get(role)
      if (weights) scaleInputs(weights, scales)
    }
    for (const moments of [calibration(readers[0]), heldOut(readers[0])]) if (moments) this.scales.set(moments, scales)
    if ('norm' in source) return this.scaleNorm(source.norm, scales)
    const rows = rowScales(scales, shared)
    const weights = this.weights.get(source.rows)!
    const cols = weights.length / rows.length
    for (let i = 0; i < weights.length; i++) weights[i] /= rows[Math.floor(i / cols)]
    const producer = matrices.find((m) => m.role === source.rows)!
    await this.scaleVector(producer.canonical.replace(/weight$/, 'bias'), rows, 0)
  }

  private async scaleNorm(norm: string, scales: Float32Array): Promise<void> {
    const { layer, config, file } = this.context
    await this.scaleVector(`blk.${layer}.${norm}.weight`, scales, normOffset(config, file))
    await this.scaleVector(`blk.${layer}.${norm}.bias`, scales, 0)
  }

  /** (offset + v) / scale - offset, where the file has the vector. */
  private async scaleVector(canonical: string, scales: Float32Array, offset: number): Promise<void> {
    const { file, config } = this.context
    const name = tensorNames(file, config.architecture)(canonical)
    if (!file.tensors.has(name)) return
    const values = this.vectors.get(name) ?? (await readValues(file, name))
    this.vectors.set(
      name,
      values.map((v, i) => (offset + v) / scales[i] - offset),
    )
  }

  /** Moments of the inputs as they are once scales are folded out of them. */
  private momentsOf(moments: InputMoments): InputMoments {
    const scales = this.scales.get(moments)
    if (!scales) return moments
    let own = this.scaled.get(moments)
    if (!own) {
      own = scaledMoments(moments, scales)
      this.scaled.set(moments, own)
    }
    return own
  }

  private async quantize(matrix: ModelMatrix, { rounding }: MatrixRecipe): Promise<MatrixOutcome> {
    const { calibration, pace } = this.context
    const known = calibration(matrix.role)
    await pace.rest()
    try {
      const quantized = await this.round(matrix, rounding, known && this.momentsOf(known))
      return { matrix, quantized, relativeError: NaN, weightMse: NaN }
    } catch (thrown) {
      if (!(thrown instanceof MoruError) || thrown.code !== 'invalid_input') throw thrown
      throw new MoruError(thrown.code, `${matrix.name}: ${thrown.message}`, { details: thrown.details, cause: thrown })
    }
  }

  private round(
    { role, canonical, cols }: ModelMatrix,
    rounding: Rounding,
    moments: InputMoments | null,
  ): Promise<RoundedMatrix> {
    const importance = importanceFor(canonical, cols, this.context.options.importance)
    return this.rounder.round(this.weights.get(role)!, cols, rounding, moments, importance)
  }

  private async measure(outcomes: MatrixOutcome[]): Promise<void> {
    const { heldOut, calibration, gpu, recorder, pace } = this.context
    const energies = new Map<InputMoments, OutputEnergy>()
    try {
      for (const outcome of outcomes) {
        const { role } = outcome.matrix
        const weights = this.weights.get(role)!
        const change = valuesOf(outcome.quantized)
        let square = 0
        for (let i = 0; i < change.length; i++) {
          change[i] -= weights[i]
          square += change[i] * change[i]
        }
        outcome.weightMse = square / change.length
        const known = heldOut(role) ?? calibration(role)
        if (!known) continue
        const moments = this.momentsOf(known)
        let energy = energies.get(moments)
        if (!energy) {
          energy = await OutputEnergy.open(gpu, recorder, moments.gram, moments.cols, energyRows)
          energies.set(moments, energy)
        }
        const [off, all] = [total(await energy.of(change)), total(await energy.of(weights))]
        outcome.relativeError = all > 0 ? Math.sqrt(off / all) : 0
        await pace.rest()
      }
    } finally {
      for (const energy of energies.values()) energy.release()
    }
  }
}
