import { flops } from './flops'

/** Twin of top_k_collect for one row: ids of the logits that reach the threshold, in ascending order. */
export function topKCollect(row: ArrayLike<number>, threshold: number): number[] {
  const ids: number[] = []
  for (let i = 0; i < row.length; i++) {
    if (row[i] >= threshold) ids.push(i)
    flops(1)
  }
  return ids
}
