/**
 * From logits to the next token. Filters act on the untempered distribution, in llama.cpp's order: top-k, typical, top-p, min-p;
 * then temperature.
 *   top-k       Fan et al., arXiv 1805.04833
 *   top-p       Holtzman et al., arXiv 1904.09751
 *   typical     Meister et al., arXiv 2202.00666
 *   min-p       Nguyen et al., arXiv 2407.01082
 *   repetition  Keskar et al., arXiv 1909.05858 (over prompt and answer); presence and frequency over the answer alone
 */
import { type Sampling } from '../../../shared/contract/sampling'

/** Tokens in descending order of their logits. */
export interface Candidates {
  ids: ArrayLike<number>
  logits: ArrayLike<number>
  /** log of the sum of exponentials over the whole vocabulary. */
  logSumExp: number
  /** All tokens of the vocabulary are here. */
  complete: boolean
}

/** A token's repetition penalty (a factor) and what is added to its logit. */
export interface LogitChange {
  id: number
  penalty: number
  offset: number
}

/** What penalties and biases do to single logits, given the tokens so far. */
export function logitChanges(
  sampling: Sampling,
  promptIds: ArrayLike<number>,
  answerIds: ArrayLike<number>,
): LogitChange[] {
  const { repetitionPenalty, presencePenalty, frequencyPenalty, logitBias } = sampling
  const changes = new Map<number, LogitChange>()
  const change = (id: number) => {
    let entry = changes.get(id)
    if (!entry) changes.set(id, (entry = { id, penalty: 1, offset: 0 }))
    return entry
  }
  if (repetitionPenalty !== 1)
    for (const ids of [promptIds, answerIds])
      for (let i = 0; i < ids.length; i++) change(ids[i]).penalty = repetitionPenalty
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    const counts = new Map<number, number>()
    for (let i = 0; i < answerIds.length; i++) counts.set(answerIds[i], (counts.get(answerIds[i]) ?? 0) + 1)
    for (const [id, count] of counts) change(id).offset -= presencePenalty + count * frequencyPenalty
  }
  for (const [id, bias] of Object.entries(logitBias)) change(Number(id)).offset += bias
  return [...changes.values()]
}

/** Largest k that candidates are asked for: more would seldom fit what the GPU collects. */
const mostCandidates = 192
/** Enough for top-p and min-p nearly always, where top-k does not limit them. */
const usualCandidates = 128

/** How many of the largest logits to ask for: 1 greedy, k for top-k. Where more decide, `keptCandidates` says so. */
export function candidatesNeeded({ temperature, topK }: Sampling): number {
  if (temperature === 0) return 1
  return topK > 0 && topK <= mostCandidates ? topK : usualCandidates
}

/**
 * Indices of the candidates the filters keep, in descending order; null when the candidates end too early to tell.
 * Top-k keeps exactly k (of equal logits those of lower ids); top-p and typical include the token that reaches p; min-p
 * includes a token that has just the least probability.
 */
export function keptCandidates(c: Candidates, sampling: Sampling): number[] | null {
  const limit = sampling.topK > 0 ? Math.min(sampling.topK, c.ids.length) : c.ids.length
  const truncated = !c.complete && (sampling.topK === 0 || sampling.topK > c.ids.length)
  // What top-k leaves weighs as much as all k of them: with fewer at hand, shares of it are unknown.
  if (truncated && sampling.topK > 0 && sampling.topP < 1) return null
  let kept = Array.from({ length: limit }, (_, i) => i)
  let mass = sampling.topK > 0 ? kept.reduce((sum, i) => sum + Math.exp(c.logits[i] - c.logSumExp), 0) : 1
  if (sampling.typicalP < 1) {
    if (truncated) return null
    kept = typical(c, kept, mass, sampling.typicalP)
    mass = kept.reduce((sum, i) => sum + Math.exp(c.logits[i] - c.logSumExp), 0)
  }
  const bounded = [nucleus(c, kept, mass, sampling.topP), aboveMinP(c, kept, sampling.minP)]
  const count = Math.min(...bounded)
  if (truncated && count >= kept.length) return null
  return kept.slice(0, Math.max(1, count))
}

/** The shortest head whose probability reaches p. */
function nucleus(c: Candidates, kept: number[], mass: number, p: number): number {
  if (p >= 1) return kept.length
  let sum = 0
  for (let n = 0; n < kept.length; n++) {
    sum += Math.exp(c.logits[kept[n]] - c.logSumExp) / mass
    if (sum >= p) return n + 1
  }
  return kept.length
}

function aboveMinP(c: Candidates, kept: number[], minP: number): number {
  if (minP <= 0) return kept.length
  const floor = c.logits[kept[0]] + Math.log(minP)
  const first = kept.findIndex((i) => c.logits[i] < floor)
  return first < 0 ? kept.length : first
}

/** Tokens whose surprise is nearest to the entropy, until their probability reaches p; back in descending order. */
function typical(c: Candidates, kept: number[], mass: number, p: number): number[] {
  const logMass = Math.log(mass)
  const logprobs = kept.map((i) => c.logits[i] - c.logSumExp - logMass)
  const entropy = -logprobs.reduce((sum, l) => sum + (l > -Infinity ? Math.exp(l) * l : 0), 0)
  const order = kept
    .map((_, n) => n)
    .sort((a, b) => Math.abs(-logprobs[a] - entropy) - Math.abs(-logprobs[b] - entropy))
  let sum = 0
  let count = 0
  while (count < order.length && sum < p) sum += Math.exp(logprobs[order[count++]])
  return order
    .slice(0, Math.max(1, count))
    .sort((a, b) => a - b)
    .map((n) => kept[n])
}

/** Draws one of the kept candidates after temperature; returns its index. */
export function draw(c: Candidates, kept: number[], temperature: number, random: () => number): number {
  if (temperature === 0) return kept[0]
  const top = c.logits[kept[0]]
  const weights = kept.map((i) => Math.exp((c.logits[i] - top) / temperature))
  let target = random() * weights.reduce((a, b) => a + b, 0)
  for (let n = 0; n < kept.length; n++) {
    target -= weights[n]
    if (target < 0) return kept[n]
  }
  return kept[kept.length - 1]
}

/** xoshiro128** (Blackman & Vigna 2018), seeded by splitmix32: uniform in [0, 1). */
export function randomSource(seed: number): () => number {
  let mixed = seed >>> 0
  const split = () => {
    mixed = (mixed + 0x9e3779b9) | 0
    let z = mixed ^ (mixed >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return z ^ (z >>> 15)
  }
  let [a, b, c, d] = [split(), split(), split(), split()]
  const rotate = (x: number, k: number) => (x << k) | (x >>> (32 - k))
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9)
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = rotate(d, 11)
    return (result >>> 0) / 4_294_967_296
  }
}
