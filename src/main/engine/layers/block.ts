/** Transformer blocks: norms before the branches (and after, in Gemma), or after each sum (BERT). */
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
    body.run(step, { x: normed, y: hidden, add: true })
    return
  }
  body.run(step, { x: normed, y: output, add: false })
  postNorm.run(step, { x: output, y: hidden, tokens: step.tokens, output: 'f32', add: true })
}

export interface PostNormBlockParts {
  attention: SelfAttention
  attentionNorm: Norm
  feedForward: FeedForward
  feedForwardNorm: Norm
}

/** A post-norm block (BERT): norm(x + attention(x)), then norm(x + feedForward(x)). Activations are f32; x is in workspace.hidden. */
export function runPostNormBlock(step: Step, parts: PostNormBlockParts): void {
  const { hidden, branch: other } = step.workspace
  const { tokens } = step
  parts.attention.run(step, { x: hidden, y: hidden, add: true })
  parts.attentionNorm.run(step, { x: hidden, y: other, tokens, output: 'f32' })
  parts.feedForward.run(step, { x: other, y: other, add: true })
  parts.feedForwardNorm.run(step, { x: other, y: hidden, tokens, output: 'f32' })
}
