/** A pre-norm transformer block, with norms after its branches where a model has them (Gemma). */
import { type SelfAttention } from './attention'
import { type FeedForward } from './feed-forward'
import { type Norm } from './norm'
import { type Step } from './step'

export interface BlockParts {
  attentionNorm: Norm
  attention: SelfAttention
  /** On attention's output before it is added. */
  postAttentionNorm?: Norm
  feedForwardNorm: Norm
  feedForward: FeedForward
  postFeedForwardNorm?: Norm
}

/** Adds attention and then feed-forward to the residual stream. */
export function runBlock(step: Step, parts: BlockParts): void {
  branch(step, parts.attentionNorm, parts.attention, parts.postAttentionNorm)
  branch(step, parts.feedForwardNorm, parts.feedForward, parts.postFeedForwardNorm)
}

function branch(step: Step, norm: Norm, body: SelfAttention | FeedForward, postNorm: Norm | undefined): void {
  const { hidden, normed, branch: output } = step.workspace
  norm.run(step, { x: hidden, y: normed, tokens: step.tokens, output: step.activations })
  if (!postNorm) {
    body.run(step, hidden, true)
    return
  }
  body.run(step, output, false)
  postNorm.run(step, { x: output, y: hidden, tokens: step.tokens, output: 'f32', add: true })
}
