import { flops } from './flops'

export interface AttentionShape {
  heads: number
  kvHeads: number
  headDim: number
  /** Keys a token sees, its own included; 0: all before it. */
  window: number
  /** [heads] of ALiBi. */
  slopes?: ArrayLike<number>
}

/** Keys and values of a sequence from its first token on, [length, kvHeads, headDim]. */
export interface CachedSequence {
  keys: ArrayLike<number>
  values: ArrayLike<number>
}

/** Sums that a softmax is made of: sum_j exp(s_j - maximum) v_j, and the same without v_j. */
export interface SoftmaxSums {
  weighted: number[]
  maximum: number
  total: number
}

/** Scaled query . key, and the penalty for its distance. */
export function score(
  q: number[],
  h: number,
  key: number,
  position: number,
  s: CachedSequence,
  a: AttentionShape,
): number {
  const at = (key * a.kvHeads + Math.floor(h / (a.heads / a.kvHeads))) * a.headDim
  let dot = 0
  for (let i = 0; i < a.headDim; i++) {
    dot += q[i] * s.keys[at + i]
    flops(2)
  }
  if (!a.slopes) return dot
  flops(3)
  return dot + a.slopes[h] * (key - position)
}

/** One head's sums over the keys in [from, to) that a token at `position` sees. */
export function softmaxSums(
  q: number[],
  h: number,
  position: number,
  s: CachedSequence,
  a: AttentionShape,
  from = 0,
  to = position + 1,
): SoftmaxSums {
  const first = a.window > 0 ? Math.max(from, position + 1 - a.window) : from
  const end = Math.min(to, position + 1)
  const scores: number[] = []
  for (let key = first; key < end; key++) scores.push(score(q, h, key, position, s, a))
  const maximum = scores.reduce((best, v) => {
    flops(1)
    return Math.max(best, v)
  }, -Infinity)
  const weighted = new Array<number>(a.headDim).fill(0)
  let total = 0
  scores.forEach((v, j) => {
    const weight = Math.exp(v - maximum)
    total += weight
    flops(3)
    const at = ((first + j) * a.kvHeads + Math.floor(h / (a.heads / a.kvHeads))) * a.headDim
    for (let i = 0; i < a.headDim; i++) {
      weighted[i] += weight * s.values[at + i]
      flops(2)
    }
  })
  return { weighted, maximum, total }
}

/** f64 twin of attention: one head of a token at `position`, over all keys it sees. */
export function attention(q: number[], h: number, position: number, s: CachedSequence, a: AttentionShape): number[] {
  const { weighted, total } = softmaxSums(q, h, position, s, a)
  return weighted.map((v) => {
    flops(1)
    return v / total
  })
}
