import { flops } from './flops'

/** Twin of top_k_threshold for one row: the k-th largest of the slices' maxima, found by ranking each. */
export function topKThreshold(maxima: ArrayLike<number>, k: number): number {
  const ranked = new Array<number>(maxima.length)
  for (let i = 0; i < maxima.length; i++) {
    let rank = 0
    for (let j = 0; j < maxima.length; j++) {
      if (maxima[j] > maxima[i] || (maxima[j] === maxima[i] && j < i)) rank++
      flops(1)
    }
    ranked[rank] = maxima[i]
  }
  return ranked[k - 1]
}
