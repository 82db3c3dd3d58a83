import { flops } from './flops'

export interface MatmulShape {
  tokens: number
  rows: number
  cols: number
}

/** f64 twin of matmul_vec and matmul_tiled: y[t, n] = sum_k x[t, k] w[n, k] (+ bias[n]) (+ y0[t, n]). */
export function matmul(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  { tokens, rows, cols }: MatmulShape,
  bias?: ArrayLike<number>,
  y0?: ArrayLike<number>,
): number[] {
  const y: number[] = []
  for (let t = 0; t < tokens; t++)
    for (let n = 0; n < rows; n++) {
      let sum = 0
      for (let k = 0; k < cols; k++) {
        sum += x[t * cols + k] * w[n * cols + k]
        flops(2)
      }
      if (bias) {
        sum += bias[n]
        flops(1)
      }
      if (y0) {
        sum += y0[t * rows + n]
        flops(1)
      }
      y.push(sum)
    }
  return y
}
