import { flops } from './flops'
import { nearestInteger } from './quant'

export interface Int8Inputs {
  /** [tokens, cols] */
  codes: number[]
  /** [tokens] */
  scales: number[]
  /** [tokens, cols]: whether the input is an outlier of its token's block. */
  outliers: boolean[]
}

/** f64 twin of int8_inputs; outliers are shared by `block` tokens. Scales are the nearest f32, as the kernel stores them. */
export function int8Inputs(x: ArrayLike<number>, cols: number, threshold: number, block = 8): Int8Inputs {
  const tokens = x.length / cols
  const rows = Array.from({ length: tokens }, (_, t) => Array.from({ length: cols }, (_, k) => x[t * cols + k]))
  const isOutlier = (t: number, k: number) => {
    const first = t - (t % block)
    return rows.slice(first, first + block).some((row) => Math.abs(row[k]) > threshold)
  }
  const outliers = rows.flatMap((row, t) => row.map((_, k) => isOutlier(t, k)))
  const scales = rows.map((row, t) => {
    const largest = row.reduce((most, v, k) => (outliers[t * cols + k] ? most : Math.max(most, Math.abs(v))), 0)
    flops(1)
    return largest > 0 ? Math.fround(largest / 127) : 1
  })
  const codes = rows.flatMap((row, t) =>
    row.map((v, k) => {
      flops(1)
      return outliers[t * cols + k] ? 0 : nearestInteger(v / scales[t])
    }),
  )
  return { codes, scales, outliers }
}
