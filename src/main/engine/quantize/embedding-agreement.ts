/** How near one model's embeddings of some texts are to another's: vector by vector, and in what they hold to be alike. */
import { Pace } from './pace'

/** Cosine of each vector of `a` and its counterpart in `b`, in f64; NaN where either is no vector of numbers or has no length. */
export function cosines(a: readonly Float32Array[], b: readonly Float32Array[]): Float64Array {
  return Float64Array.from(a, (own, i) => {
    let [product, squareA, squareB] = [0, 0, 0]
    for (let d = 0; d < own.length; d++) {
      product += own[d] * b[i][d]
      squareA += own[d] * own[d]
      squareB += b[i][d] * b[i][d]
    }
    return product / Math.sqrt(squareA * squareB)
  })
}

/**
 * Mean share of the `k` nearest other texts, by cosine, that both models give a text; of a text's single nearest one too. At most half of
 * the others are near: all of them would always be the same.
 * Throws cancelled.
 */
export async function sharedNeighbours(
  a: readonly Float32Array[],
  b: readonly Float32Array[],
  k: number,
  signal?: AbortSignal,
): Promise<{ k: number; shared: number; sameNearest: number }> {
  const pace = new Pace(signal)
  const [units, others] = [a.map(unit), b.map(unit)]
  const kept = Math.max(1, Math.min(k, Math.floor((a.length - 1) / 2)))
  let shared = 0
  let same = 0
  for (let i = 0; i < a.length; i++) {
    const own = nearest(units, i, kept)
    const other = nearest(others, i, kept)
    shared += own.filter((text) => other.includes(text)).length / kept
    same += own[0] === other[0] ? 1 : 0
    await pace.rest()
  }
  return { k: kept, shared: shared / a.length, sameNearest: same / a.length }
}

/** The vector with length one; zeros stay. */
export function unit(vector: Float32Array): Float32Array {
  let square = 0
  for (const v of vector) square += v * v
  return square > 0 ? vector.map((v) => v / Math.sqrt(square)) : vector
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let d = 0; d < a.length; d++) sum += a[d] * b[d]
  return sum
}

/** Indices of the `k` vectors nearest to vector `self`, itself left out, nearest first. */
function nearest(units: readonly Float32Array[], self: number, k: number): number[] {
  const best: { index: number; score: number }[] = []
  units.forEach((other, index) => {
    if (index === self) return
    const score = dot(units[self], other)
    if (best.length === k && score <= best[k - 1].score) return
    let at = best.length
    while (at > 0 && best[at - 1].score < score) at--
    best.splice(at, 0, { index, score })
    if (best.length > k) best.pop()
  })
  return best.map((one) => one.index)
}
