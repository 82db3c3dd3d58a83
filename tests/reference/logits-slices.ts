import { flops } from './flops'

export interface Slice {
  maximum: number
  at: number
  /** Sum of exp(l - maximum). */
  sum: number
}

/** f64 twin of logits_slices for one row: its slices of equal width, the last ones shorter or empty. NaN never wins nor counts. */
export function logitsSlices(row: ArrayLike<number>, slices: number): Slice[] {
  const width = Math.ceil(row.length / slices)
  return Array.from({ length: slices }, (_, s) => {
    const slice: Slice = { maximum: -1e30, at: s * width, sum: 0 }
    const end = Math.min((s + 1) * width, row.length)
    for (let i = s * width; i < end; i++) {
      if (row[i] > slice.maximum) Object.assign(slice, { maximum: row[i], at: i })
      flops(1)
    }
    for (let i = s * width; i < end; i++) {
      if (!Number.isNaN(row[i])) slice.sum += Math.exp(row[i] - slice.maximum)
      flops(3)
    }
    return slice
  })
}
