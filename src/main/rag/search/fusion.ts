/** Merging rankings, and spreading them out. */

/** One ranking: the keys of what was found, best first. */
export interface Ranking {
  keys: readonly number[]
  /** Weight of the ranking for a key. */
  weight(key: number): number
}

/** The k of reciprocal rank fusion that its authors found to serve. */
export const fusionK = 60

/**
 * Reciprocal rank fusion: the sum over rankings of weight / (k + rank), ranks from 1. Cormack, Clarke and Büttcher, SIGIR 2009.
 * @returns score by key, best first; equal scores in the order in which the rankings, one after the other, name them.
 */
export function fuseRankings(rankings: readonly Ranking[], k = fusionK): Map<number, number> {
  const scores = new Map<number, number>()
  for (const { keys, weight } of rankings)
    keys.forEach((key, i) => scores.set(key, (scores.get(key) ?? 0) + weight(key) / (k + i + 1)))
  return new Map([...scores].sort((a, b) => b[1] - a[1]))
}

/**
 * Maximal marginal relevance: takes, one after the other, what has the highest
 * lambda * relevance - (1 - lambda) * (greatest similarity to what was taken). Carbonell and Goldstein, SIGIR 1998.
 * Relevance is brought to 0 to 1 first, so that it compares with cosines whatever scores it comes from.
 * @param vectors unit vectors; null where there is none, which is like nothing else.
 * @returns places in the lists, in the order of taking, at most `limit`.
 */
export function diversify(
  relevance: readonly number[],
  vectors: readonly (Float32Array | null)[],
  lambda: number,
  limit: number,
): number[] {
  const highest = Math.max(...relevance)
  const span = highest - Math.min(...relevance) || 1
  const scaled = relevance.map((value) => 1 - (highest - value) / span)
  const closest = new Float64Array(relevance.length)
  const left = new Set(relevance.keys())
  const taken: number[] = []
  while (taken.length < limit && left.size > 0) {
    let best = -1
    let bestValue = -Infinity
    for (const i of left) {
      const value = lambda * scaled[i] - (1 - lambda) * closest[i]
      if (value > bestValue) [best, bestValue] = [i, value]
    }
    taken.push(best)
    left.delete(best)
    for (const i of left) closest[i] = Math.max(closest[i], similarity(vectors[best], vectors[i]))
  }
  return taken
}

function similarity(a: Float32Array | null, b: Float32Array | null): number {
  if (!a || !b || a.length !== b.length) return 0
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
