/** A bidirectional encoder as the runtime sees it. */
import { type PostNormBlockParts, runPostNormBlock } from '../layers/block'
import { type Embedding } from '../layers/embedding'
import { type Linear } from '../layers/linear'
import { type Norm } from '../layers/norm'
import { type Step } from '../layers/step'
import { type WeightLoader } from '../layers/weight-loader'
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
  forward(step: Step): void
  /** null: not a cross-encoder. */
  head: RankingHead | null
}

/** What comes before the first block. */
export interface EncoderEmbedding {
  tokens: Embedding
  positions: Embedding
  types: Embedding
  norm: Norm
}

/** An architecture: how its parts are loaded, each on its own, so that a model can be run block by block. */
export interface EncoderLoader {
  embedding(): Promise<EncoderEmbedding>
  /** `prefix`: the block's, 'blk.3'. */
  block(prefix: string, layer: number): Promise<PostNormBlockParts>
  head(): Promise<RankingHead | null>
}

export async function loadWholeEncoder(w: WeightLoader, config: ModelConfig, loader: EncoderLoader): Promise<Encoder> {
  const embedding = await loader.embedding()
  const blocks: PostNormBlockParts[] = []
  for (let layer = 0; layer < config.layers; layer++) blocks.push(await loader.block(`blk.${layer}`, layer))
  return {
    config,
    buffers: w.buffers,
    head: await loader.head(),
    forward(step) {
      runEncoderEmbedding(step, embedding)
      blocks.forEach((block, layer) => {
        step.recorder.scope = `layer.${layer}`
        runPostNormBlock(step, block)
      })
    },
  }
}

/** The first block's input into workspace.hidden. */
export function runEncoderEmbedding(step: Step, { tokens, positions, types, norm }: EncoderEmbedding): void {
  const { hidden, branch } = step.workspace
  step.recorder.scope = 'embedding'
  tokens.run(step, step.ids, branch, step.tokens)
  positions.run(step, step.positions, branch, step.tokens, true)
  types.run(step, step.types, branch, step.tokens, true)
  norm.run(step, { x: branch, y: hidden, tokens: step.tokens, output: 'f32' })
}
