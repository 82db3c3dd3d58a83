/**
 * AWQ (Lin et al., arXiv 2306.00978): inputs that matter are scaled up before rounding, and what produces them is scaled down, so that
 * the model computes the same and its important weights are rounded more finely.
 */
import { type GridOptions, codeOf, rangeGrid } from '../quant/grid'
import { groupSize, type Group } from '../quant/groups'
import { type ScaleType, toScale } from '../quant/rounding'
import { type OutputEnergy } from './gram'
import { type Pace } from './pace'

export interface AwqOptions {
  bits: number
  group: Group
  symmetric: boolean
  scaleType: ScaleType
  /** Exponents tried between 0 and 1. */
  steps: number
}

/** Matrices that read the same inputs. */
export interface AwqInputs {
  /** [rows, cols] each. */
  weights: Float32Array[]
  cols: number
  /** Mean absolute value of each input, [cols]. */
  meanAbs: Float32Array
  /** Of the calibration inputs. */
  energy: OutputEnergy
  /** Index of the scale of each input where some must share one (heads that read one value head); null: each its own. */
  shared: Int32Array | null
}

/**
 * What inputs are divided by and weights multiplied with, [cols]: the power of mean activations that lessens the output error of
 * rounding most. Throws cancelled.
 */
export async function searchScales(inputs: AwqInputs, options: AwqOptions, pace: Pace): Promise<Float32Array> {
  let best: { scales: Float32Array; error: number } | null = null
  for (let step = 0; step < options.steps; step++) {
    const scales = scalesOf(inputs, step / options.steps)
    let error = 0
    for (const weights of inputs.weights) {
      const change = await roundingChange(weights, inputs.cols, scales, options, pace)
      for (const e of await inputs.energy.of(change)) error += e
    }
    if (!best || error < best.error) best = { scales, error }
  }
  return best!.scales
}

function scalesOf({ meanAbs, shared, cols }: AwqInputs, exponent: number): Float32Array {
  const count = shared ? Math.max(...shared) + 1 : cols
  const means = new Float64Array(count)
  const members = new Float64Array(count)
  for (let c = 0; c < cols; c++) {
    means[shared ? shared[c] : c] += meanAbs[c]
    members[shared ? shared[c] : c]++
  }
  const raw = means.map((sum, i) => Math.max(1e-4, (sum / members[i]) ** exponent))
  let least = Infinity
  let most = 0
  for (const r of raw) {
    if (r < least) least = r
    if (r > most) most = r
  }
  const middle = Math.sqrt(least * most)
  return Float32Array.from({ length: cols }, (_, c) => raw[shared ? shared[c] : c] / middle)
}

/** round(W * s) / s - W. */
async function roundingChange(
  weights: Float32Array,
  cols: number,
  scales: Float32Array,
  { bits, group: asked, symmetric, scaleType }: AwqOptions,
  pace: Pace,
): Promise<Float32Array<ArrayBuffer>> {
  const group = groupSize(asked, cols)
  const options: GridOptions = { bits, symmetric, store: toScale(scaleType) }
  const most = 2 ** bits - 1
  const out = new Float32Array(weights.length)
  const row = new Float64Array(cols)
  for (let at = 0; at < weights.length; at += cols) {
    for (let c = 0; c < cols; c++) row[c] = weights[at + c] * scales[c]
    for (let from = 0; from < cols; from += group) {
      const grid = rangeGrid(row, from, from + group, options)
      for (let c = from; c < from + group; c++) {
        const rounded = grid.scale * (codeOf(row[c], grid, most) - grid.zero)
        out[at + c] = rounded / scales[c] - weights[at + c]
      }
    }
    if (at % (64 * cols) === 0) await pace.rest()
  }
  return out
}
