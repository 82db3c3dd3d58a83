/**
 * What rounding each matrix costs in KL divergence. One rounding of each matrix, the same for all, is measured at the logits of the whole
 * model; others follow from it by the square of their output errors, since the divergence of small changes is quadratic in them.
 */
import { throwIfCancelled } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { type QuantizedMatrix } from '../formats/quantized-matrix'
import { type WeightFile } from '../formats/weight-file'
import { type ModelConfig } from '../models/config'
import { groupsOf } from '../quant/groups'
import { quantizeMatrix } from '../quant/methods'
import { BlockStream } from './block-stream'
import { type Candidate, candidateErrors } from './candidate-errors'
import { DivergenceProbe } from './divergence-probe'
import { linearMatrices, type LinearRole, type ModelMatrix, readValues } from './model-matrices'
import { OverlayFile } from './overlay-file'
import { Pace } from './pace'
import { type BlockOptions } from './quantize-block'
import { type CalibrationWindows, inputsOf } from './quantize-model'

export interface MatrixSensitivity {
  matrix: ModelMatrix
  /** KL divergence with this matrix alone rounded to 3 bits, in nats. */
  kld: number
  /** ||X (W - Q)^T|| / ||X W^T|| of that rounding. */
  error: number
  /** By candidate. */
  candidates: { error: number; kld: number }[]
}

export interface Sensitivities {
  matrices: MatrixSensitivity[]
  /** KL divergence of all matrices rounded to 4 bits at once over the sum of what each was told to cost alone. */
  interaction: number
}

export interface SensitivityOptions extends Pick<BlockOptions, 'gptq' | 'awq'> {
  windows: CalibrationWindows
  candidates: (matrix: ModelMatrix) => readonly Candidate[]
  onProgress: (done: number, total: number) => void
  signal?: AbortSignal
}

/** Tokens whose predictions are compared: half of them from each of two windows. */
const probedTokens = 128

const plainRounding = (bits: number, cols: number): Candidate['rounding'] & { method: 'rtn' } => {
  const group = groupsOf(cols).findLast((g) => g <= 64) ?? 'row'
  return { method: 'rtn', bits, group, symmetric: false, scaleType: 'f16', search: false }
}

/** Throws what loading and quantizing throw, out_of_memory, cancelled. */
export async function measureSensitivities(
  gpu: Gpu,
  file: WeightFile,
  config: ModelConfig,
  options: SensitivityOptions,
): Promise<Sensitivities> {
  const { windows, signal } = options
  const pace = new Pace(signal)
  const probed = (windows.heldOut.length > 0 ? windows.heldOut : windows.seen).slice(0, 2)
  const shortened = probed.map((ids) => ids.slice(0, Math.floor(probedTokens / probed.length)))
  const stream = await BlockStream.open(gpu, config, [...windows.seen, ...windows.heldOut], windows.seen.length)
  try {
    const probe = await DivergenceProbe.open(gpu, file, config, shortened, { pace, signal })
    try {
      return await new Measurement(file, config, options, { stream, probe, pace }).run()
    } finally {
      await probe.close()
    }
  } finally {
    await stream.close()
  }
}

interface Tools {
  stream: BlockStream
  probe: DivergenceProbe
  pace: Pace
}

class Measurement {
  private readonly file: WeightFile
  private readonly config: ModelConfig
  private readonly options: SensitivityOptions
  private readonly tools: Tools
  private readonly matrices: ModelMatrix[]
  private readonly found: MatrixSensitivity[] = []
  /** KL divergence of all matrices rounded to 4 bits, added up one by one. */
  private sum = 0

  constructor(file: WeightFile, config: ModelConfig, options: SensitivityOptions, tools: Tools) {
    this.file = file
    this.config = config
    this.options = options
    this.tools = tools
    this.matrices = linearMatrices(file, config)
  }

  async run(): Promise<Sensitivities> {
    const { stream, probe } = this.tools
    const { signal, onProgress } = this.options
    onProgress(0, this.matrices.length)
    await stream.embed(this.file, signal)
    for (let layer = 0; layer < this.config.layers; layer++) await this.block(layer)
    const together = await probe.changedDivergence()
    return { matrices: this.found, interaction: this.sum > 0 && together > 0 ? together / this.sum : 1 }
  }

  private async block(layer: number): Promise<void> {
    const { file, config } = this
    const { windows, candidates, gptq, awq, signal } = this.options
    const { stream, probe, pace } = this.tools
    const moments = await inputsOf(stream, file, layer, { windows, advance: true, signal })
    const matrices: { matrix: ModelMatrix; weights: Float32Array }[] = []
    for (const matrix of this.matrices.filter((m) => m.layer === layer))
      matrices.push({ matrix, weights: await readValues(file, matrix.name) })
    const of = (kind: 'seen' | 'heldOut', role: LinearRole) =>
      (moments[kind].get(role) ?? moments[kind === 'seen' ? 'heldOut' : 'seen'].get(role))!
    const errors = await candidateErrors({
      gpu: stream.gpu,
      recorder: stream.recorder,
      config,
      matrices,
      candidates: (m) => [...[3, 4].map((bits) => ({ scaled: false, rounding: plainRounding(bits, m.cols) })), ...candidates(m)],
      seen: (role) => of('seen', role),
      heldOut: (role) => of('heldOut', role),
      gptq,
      awq,
      pace,
    }) // prettier-ignore
    const all = new Map<string, QuantizedMatrix>()
    for (const { matrix, weights } of matrices) {
      await this.matrix(matrix, weights, errors.get(matrix.role)!)
      all.set(matrix.name, quantizeMatrix(weights, matrix.cols, plainRounding(4, matrix.cols)))
      await pace.rest()
    }
    await probe.advance(new OverlayFile(file, all))
  }

  private async matrix(matrix: ModelMatrix, weights: Float32Array, errors: number[]): Promise<void> {
    const { probe } = this.tools
    const { onProgress, signal } = this.options
    throwIfCancelled(signal)
    const rounded = quantizeMatrix(weights, matrix.cols, plainRounding(3, matrix.cols))
    const kld = await probe.measure(new OverlayFile(this.file, new Map([[matrix.name, rounded]])))
    const [own, four, ...others] = errors
    const kldOf = (error: number) => (own > 0 ? (kld * error) / own : 0)
    this.sum += kldOf(four)
    const candidates = others.map((error) => ({ error: Math.sqrt(error), kld: kldOf(error) }))
    this.found.push({ matrix, kld, error: Math.sqrt(own), candidates })
    onProgress(this.found.length, this.matrices.length)
  }
}
