/** Normalisation of the residual stream. */
import { layerNorm, rmsNorm } from '../kernels/norms'
import { type ActivationType, type Step } from './step'
import { type WeightLoader } from './weight-loader'

export interface NormCall {
  /** f32 [tokens, dim] */
  x: GPUBuffer
  y: GPUBuffer
  tokens: number
  output: ActivationType
  /** Adds to y instead of overwriting it (RMS norm only). */
  add?: boolean
}

export interface Norm {
  run(step: Step, call: NormCall): void
}

/** RMS norm with the weights of `name`; `plus` is added to them where files hold w and the model means 1 + w. */
export async function loadRmsNorm(w: WeightLoader, name: string, dim: number, eps: number, plus = 0): Promise<Norm> {
  const weights = await w.vector(`${name}.weight`, dim, plus)
  return {
    run: (step, { x, y, tokens, output, add = false }) =>
      step.recorder.run(rmsNorm, { OUT: output, ADD: add }, { x, w: weights, y }, { tokens, dim, eps }),
  }
}

/** Layer norm with weights and biases of `name`. */
export async function loadLayerNorm(w: WeightLoader, name: string, dim: number, eps: number): Promise<Norm> {
  const weights = await w.vector(`${name}.weight`, dim)
  const bias = await w.vector(`${name}.bias`, dim)
  return {
    run: (step, { x, y, tokens, output }) =>
      step.recorder.run(layerNorm, { OUT: output }, { x, w: weights, b: bias, y }, { tokens, dim, eps }),
  }
}
