/** A decoder-only transformer as the runtime sees it, and the pieces architectures build it from. */
import { type BlockParts, runBlock } from '../layers/block'
import { Embedding } from '../layers/embedding'
import { alibiSlopes, SelfAttention } from '../layers/attention'
import { FeedForward } from '../layers/feed-forward'
import { Linear } from '../layers/linear'
import { type Norm } from '../layers/norm'
import { type Step } from '../layers/step'
import { type WeightBuffers } from '../layers/weights'
import { type RowSource } from '../layers/rows'
import { type WeightLoader } from '../layers/weight-loader'
import { type ModelConfig } from './config'

export interface Decoder {
  config: ModelConfig
  buffers: WeightBuffers
  /** Runs all layers over the step's tokens; the residual stream is in workspace.hidden afterwards. */
  forward(step: Step): void
  /** Final norm of `x`, f32 [rows, hidden], into `normed`. */
  finalNorm: Norm
  /** [vocab, hidden] */
  head: Linear
}

/** What comes before the first block and after the last. */
export interface DecoderEnds {
  tokens: Embedding
  /** Learned positions, added to the token embeddings. */
  positions?: Embedding
  /** On the embeddings before the first block (BLOOM). */
  embeddingNorm?: Norm
  finalNorm: Norm
  head: Linear
}

/** An architecture: how its parts are loaded, each on its own, so that a model can be run block by block. */
export interface DecoderLoader {
  ends(): Promise<DecoderEnds>
  /** `prefix`: the block's, 'blk.3'. */
  block(prefix: string, layer: number): Promise<BlockParts>
}

/** Blocks come one after the other, so that loading streams through the file. */
export async function loadWhole(w: WeightLoader, config: ModelConfig, loader: DecoderLoader): Promise<Decoder> {
  const ends = await loader.ends()
  const blocks: BlockParts[] = []
  for (let layer = 0; layer < config.layers; layer++) blocks.push(await loader.block(`blk.${layer}`, layer))
  return {
    config,
    buffers: w.buffers,
    finalNorm: ends.finalNorm,
    head: ends.head,
    forward(step) {
      runEmbedding(step, ends)
      blocks.forEach((block, layer) => {
        step.recorder.scope = `layer.${layer}`
        runBlock(step, block)
      })
    },
  }
}

/** The first block's input into workspace.hidden. */
export function runEmbedding(step: Step, { tokens, positions, embeddingNorm }: DecoderEnds): void {
  const { hidden, branch } = step.workspace
  const embedded = embeddingNorm ? branch : hidden
  step.recorder.scope = 'embedding'
  tokens.run(step, step.ids, embedded, step.tokens)
  positions?.run(step, step.positions, embedded, step.tokens, true)
  embeddingNorm?.run(step, { x: embedded, y: hidden, tokens: step.tokens, output: 'f32' })
}

/** Token embeddings and the output head: one matrix when they are tied. */
export async function loadEmbeddingAndHead(
  w: WeightLoader,
  c: ModelConfig,
  scale = 1,
): Promise<{ tokens: Embedding; head: Linear }> {
  const embedding = await w.matrices([{ name: 'token_embd.weight' }], c.hiddenDim)
  const tied = c.tieWordEmbeddings || !w.has('output.weight')
  const head = tied
    ? new Linear(embedding, null, w.buffers)
    : await Linear.load(w, [{ name: 'output.weight' }], c.hiddenDim)
  return { tokens: new Embedding(embedding, scale), head }
}

export interface AttentionOptions {
  /** Rows of the stacked projection; default: separate q, k and v. */
  sources?: RowSource[]
  /** Norms over each head of queries and keys, with `plus` added to their weights. */
  headNorms?: { plus: number }
  alibi?: boolean
  outputTransposed?: boolean
}

/** Self-attention of one layer under `prefix`, with biases wherever the file has them. */
export async function loadAttention(
  w: WeightLoader,
  c: ModelConfig,
  prefix: string,
  layer: number,
  options: AttentionOptions = {},
): Promise<SelfAttention> {
  const sources = options.sources ?? ['q', 'k', 'v'].map((part) => ({ name: `${prefix}.attn_${part}.weight` }))
  const qkv = await Linear.load(w, sources, c.hiddenDim)
  const output = await Linear.load(
    w,
    [{ name: `${prefix}.attn_output.weight`, transposed: options.outputTransposed }],
    c.heads * c.headDim,
  )
  const sliding = c.slidingLayers[layer] ?? false
  const rope = sliding && c.localRope ? c.localRope : c.rope
  const { headNorms } = options
  return new SelfAttention(w, qkv, output, {
    layer,
    heads: c.heads,
    kvHeads: c.kvHeads,
    headDim: c.headDim,
    scale: c.attentionScale,
    ropeDim: rope?.dim ?? 0,
    rope: rope !== null && rope === c.localRope ? 'local' : 'global',
    window: sliding ? (c.slidingWindow ?? 0) : 0,
    eps: c.normEps,
    slopes: options.alibi ? await w.floats(`${prefix} ALiBi slopes`, alibiSlopes(c.heads)) : null,
    headNorms: headNorms
      ? {
          query: await w.vector(`${prefix}.attn_q_norm.weight`, c.headDim, headNorms.plus),
          key: await w.vector(`${prefix}.attn_k_norm.weight`, c.headDim, headNorms.plus),
        }
      : null,
  })
}

/** down(f(gate x) * up x) */
export async function loadGatedFeedForward(w: WeightLoader, c: ModelConfig, prefix: string): Promise<FeedForward> {
  const up = await Linear.load(
    w,
    [{ name: `${prefix}.ffn_gate.weight` }, { name: `${prefix}.ffn_up.weight` }],
    c.hiddenDim,
  )
  const down = await Linear.load(w, [{ name: `${prefix}.ffn_down.weight` }], c.ffnDim)
  return new FeedForward(up, down, c.activation, true)
}

/** down(f(up x)) */
export async function loadFeedForward(
  w: WeightLoader,
  c: ModelConfig,
  prefix: string,
  transposed = false,
): Promise<FeedForward> {
  const up = await Linear.load(w, [{ name: `${prefix}.ffn_up.weight`, transposed }], c.hiddenDim)
  const down = await Linear.load(w, [{ name: `${prefix}.ffn_down.weight`, transposed }], c.ffnDim)
  return new FeedForward(up, down, c.activation, false)
}
