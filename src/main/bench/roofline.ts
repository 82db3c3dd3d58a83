/**
 * What the device's ceilings would allow (Williams, Waterman & Patterson, Roofline, CACM 2009): work takes at least as long as
 * its arithmetic at the peak rate, and at least as long as its memory traffic at the stream's rate.
 */
import { type ModelDetail } from '../../shared/contract/models'

export interface Work {
  /** Floating-point operations; a multiply-add is two. */
  flops: number
  /** Bytes that must be moved once. */
  bytes: number
}

export interface Ceilings {
  gigabytesPerSecond: number
  gigaflopsPerSecond: number
}

/** Seconds that the work takes at least. */
export function shortestSeconds(work: Work, ceilings: Ceilings): number {
  return Math.max(work.flops / (ceilings.gigaflopsPerSecond * 1e9), work.bytes / (ceilings.gigabytesPerSecond * 1e9))
}

/** What a forward pass of a model costs, from its shapes alone. */
export interface ModelCost {
  /** Weights of all layers' matrices, and of the output head. */
  body: { weights: number; bytes: number }
  head: { weights: number; bytes: number }
  kvBytesPerToken: number
  /** Multiply-adds of attention for one token and one key. */
  attention: number
}

const embedding = /^(.*\.)?(token_embd|embed_tokens|wte|word_embeddings)\.weight$/
const output = /^(output|lm_head)\.weight$/
const position = /^(.*\.)?(position_embd|embed_positions|wpe)\.weight$/

/** Matrices as they lie in the file. Sliding windows count as if every key were seen. */
export function modelCost(model: ModelDetail): ModelCost {
  const matrices = model.tensors.filter(({ shape }) => shape.length > 1)
  const sum = (own: typeof matrices) => ({
    weights: own.reduce((all, { shape }) => all + shape.reduce((a, b) => a * b, 1), 0),
    bytes: own.reduce((all, { sizeBytes }) => all + sizeBytes, 0),
  })
  const untied = matrices.filter(({ name }) => output.test(name))
  return {
    head: sum(untied.length > 0 ? untied : matrices.filter(({ name }) => embedding.test(name))),
    body: sum(matrices.filter(({ name }) => ![embedding, output, position].some((kind) => kind.test(name)))),
    kvBytesPerToken: model.memoryPlan.kvBytesPerToken,
    attention: 2 * model.layers * model.heads * model.headDim,
  }
}

export interface Pass {
  /** Tokens computed, over all sequences. */
  tokens: number
  /** Of those, whose logits are wanted. */
  logits: number
  /** Pairs of a token and a key that it sees. */
  pairs: number
  /** Tokens whose keys and values are read or written. */
  cached: number
}

/** One forward pass: every weight is read once, however many tokens share it. */
export function passWork(cost: ModelCost, pass: Pass): Work {
  return {
    flops: 2 * (pass.tokens * cost.body.weights + pass.logits * cost.head.weights + pass.pairs * cost.attention),
    bytes: cost.body.bytes + cost.head.bytes + pass.cached * cost.kvBytesPerToken,
  }
}
