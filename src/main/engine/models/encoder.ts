/** A bidirectional encoder as the runtime sees it. */
import { type Linear } from '../layers/linear'
import { type Step } from '../layers/step'
import { type WeightBuffers } from '../layers/weights'
import { type ModelConfig } from './config'

/** The head of a cross-encoder on the first token's state: logit = w . tanh(dense x + b) + bias, or without the dense layer. */
export interface RankingHead {
  dense: Linear | null
  /** [hidden] */
  weights: Float32Array
  bias: number
}

export interface Encoder {
  config: ModelConfig
  buffers: WeightBuffers
  /** Runs all layers over the step's tokens; the last hidden states are in workspace.hidden afterwards. */
  forward(step: Step, tokenTypes: GPUBuffer): void
  /** null: not a cross-encoder. */
  head: RankingHead | null
}
