/** How far one prediction is from another: Kullback-Leibler divergence and what goes with it, token by token. */

export interface TokenDivergence {
  /** sum of p (log p - log q), in nats: p the original's probabilities, q the other's. */
  kld: number
  /** Both hold the same token most likely. */
  sameTop1: boolean
  /** Negative log-likelihood of the text's own next token by both, in nats; null where the text ends. */
  nll: [number, number] | null
}

/**
 * Compares the logits of two models for the same place. `target`: the text's next token, or null.
 * In f64: differences of logarithms near 1e-7 count when a million of them are averaged.
 */
export function divergence(original: Float32Array, other: Float32Array, target: number | null): TokenDivergence {
  const a = normalizer(original)
  const b = normalizer(other)
  let sum = 0
  for (let i = 0; i < original.length; i++) {
    const logP = original[i] - a.logSumExp
    // Below exp(-40) a term is less than 1e-15 of the sum.
    if (logP > -40) sum += Math.exp(logP) * (logP - (other[i] - b.logSumExp))
  }
  return {
    // Rounding may take a divergence of nothing below zero.
    kld: Math.max(0, sum),
    sameTop1: a.top === b.top,
    nll: target === null ? null : [a.logSumExp - original[target], b.logSumExp - other[target]],
  }
}

function normalizer(logits: Float32Array): { top: number; logSumExp: number } {
  let top = 0
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[top]) top = i
  const most = logits[top]
  let sum = 0
  for (let i = 0; i < logits.length; i++) {
    const below = logits[i] - most
    if (below > -40) sum += Math.exp(below)
  }
  return { top, logSumExp: most + Math.log(sum) }
}

/** Means over tokens. */
export interface DivergenceSummary {
  tokens: number
  perplexity: [number, number]
  kld: number
  /** Standard error of the mean: sample deviation over the root of the number of tokens. */
  kldError: number
  sameTop1: number
  /** Root mean square of the change in the probability of the text's own token. */
  rmsDeltaP: number
}

/** Throws nothing; of no tokens all figures are NaN. */
export function summarize(tokens: readonly TokenDivergence[]): DivergenceSummary {
  const n = tokens.length
  const mean = (of: (t: TokenDivergence) => number) => tokens.reduce((sum, t) => sum + of(t), 0) / n
  const kld = mean((t) => t.kld)
  const variance = tokens.reduce((sum, t) => sum + (t.kld - kld) ** 2, 0) / Math.max(1, n - 1)
  const scored = tokens.filter((t) => t.nll !== null)
  const over = (of: (nll: [number, number]) => number) => scored.reduce((sum, t) => sum + of(t.nll!), 0) / scored.length
  return {
    tokens: n,
    perplexity: [Math.exp(over(([a]) => a)), Math.exp(over(([, b]) => b))],
    kld,
    kldError: Math.sqrt(variance / n),
    sameTop1: mean((t) => (t.sameTop1 ? 1 : 0)),
    rmsDeltaP: Math.sqrt(over(([a, b]) => (Math.exp(-a) - Math.exp(-b)) ** 2)),
  }
}

/** Quantiles of the values at the given shares, between the nearest two by rank. */
export function quantiles(values: Iterable<number>, shares: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort()
  return shares.map((share) => {
    const at = share * (sorted.length - 1)
    const low = Math.floor(at)
    const high = Math.min(low + 1, sorted.length - 1)
    return sorted[low] + (sorted[high] - sorted[low]) * (at - low)
  })
}
