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
import {
  paddedFfnDim,
  paddedFfnInputs,
  paddedFfnRows,
  paddedHeadDim,
  paddedHeads,
  paddedInputs,
  paddedNorm,
  paddedNormEps,
  paddedRopeDim,
} from './padding'

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
  const embedding = await w.matrices([{ name: 'token_embd.weight', fileRows: c.vocabSize }], c.hiddenDim)
  const tied = c.tieWordEmbeddings || !w.has('output.weight')
  const head = tied
    ? new Linear(embedding, null, w.buffers)
    : await Linear.load(w, [{ name: 'output.weight', fileRows: c.vocabSize }], c.hiddenDim)
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
  const qkv = await Linear.load(w, projections(c, prefix, options.sources), c.hiddenDim)
  const output = { name: `${prefix}.attn_output.weight`, transposed: options.outputTransposed, fileRows: c.hiddenDim }
  const headDim = paddedHeadDim(c)
  const sliding = c.slidingLayers[layer] ?? false
  const rope = sliding && c.localRope ? c.localRope : c.rope
  return new SelfAttention(w, qkv, await Linear.load(w, [paddedInputs(c, output, c.heads)], c.heads * headDim), {
    layer,
    heads: c.heads,
    kvHeads: c.kvHeads,
    headDim,
    scale: c.attentionScale * (c.scaledByLayer ? layer + 1 : 1),
    ropeDim: paddedRopeDim(rope?.dim ?? 0),
    rope: rope !== null && rope === c.localRope ? 'local' : 'global',
    window: sliding ? (c.slidingWindow ?? 0) : 0,
    eps: paddedNormEps(c),
    slopes: options.alibi ? await w.floats(`${prefix} ALiBi slopes`, alibiSlopes(c.heads)) : null,
    headNorms: options.headNorms ? await loadHeadNorms(w, c, prefix, options.headNorms.plus) : null,
  })
}

/** Queries, keys and values: each by itself, or as the one matrix of an architecture that stacks them. */
function projections(c: ModelConfig, prefix: string, given: RowSource[] | undefined): RowSource[] {
  const sources = given ?? ['q', 'k', 'v'].map((part) => ({ name: `${prefix}.attn_${part}.weight` }))
  if (sources.length === 1) return [paddedHeads(c, sources[0], c.heads + 2 * c.kvHeads, 'value')]
  const [query, key, value] = sources
  return [
    paddedHeads(c, query, c.heads, 'query'),
    paddedHeads(c, key, c.kvHeads, 'query'),
    paddedHeads(c, value, c.kvHeads, 'value'),
  ]
}

async function loadHeadNorms(w: WeightLoader, c: ModelConfig, prefix: string, plus: number) {
  const load = async (name: string) => {
    const weights = (await w.values(name, c.headDim)).map((v) => v + plus)
    return w.floats(name, paddedNorm(c, weights))
  }
  return { query: await load(`${prefix}.attn_q_norm.weight`), key: await load(`${prefix}.attn_k_norm.weight`) }
}

/** down(f(gate x) * up x) */
export async function loadGatedFeedForward(w: WeightLoader, c: ModelConfig, prefix: string): Promise<FeedForward> {
  const sources = ['gate', 'up'].map((part) => paddedFfnRows(c, { name: `${prefix}.ffn_${part}.weight` }))
  const up = await Linear.load(w, sources, c.hiddenDim)
  return new FeedForward(up, await loadDown(w, c, prefix), c.activation, true)
}

/** down(f(up x)) */
export async function loadFeedForward(
  w: WeightLoader,
  c: ModelConfig,
  prefix: string,
  transposed = false,
): Promise<FeedForward> {
  const up = await Linear.load(w, [paddedFfnRows(c, { name: `${prefix}.ffn_up.weight`, transposed })], c.hiddenDim)
  return new FeedForward(up, await loadDown(w, c, prefix, transposed), c.activation, false)
}

function loadDown(w: WeightLoader, c: ModelConfig, prefix: string, transposed = false): Promise<Linear> {
  const source = { name: `${prefix}.ffn_down.weight`, transposed, fileRows: c.hiddenDim }
  return Linear.load(w, [paddedFfnInputs(c, source)], paddedFfnDim(c))
}
