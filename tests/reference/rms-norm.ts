import { flops } from './flops'

/** f64 twin of rms_norm: y[t, i] = x[t, i] w[i] / sqrt(mean_i x[t, i]^2 + eps) (+ y0[t, i]). */
export function rmsNorm(x: ArrayLike<number>, w: ArrayLike<number>, eps: number, y0?: ArrayLike<number>): number[] {
  const dim = w.length
  const y: number[] = []
  for (let row = 0; row < x.length; row += dim) {
    let sum = 0
    for (let i = 0; i < dim; i++) {
      sum += x[row + i] * x[row + i]
      flops(2)
    }
    const scale = 1 / Math.sqrt(sum / dim + eps)
    flops(3) // the inverse root is one
    for (let i = 0; i < dim; i++) {
      y.push(x[row + i] * scale * w[i] + (y0 ? y0[row + i] : 0))
      flops(y0 ? 3 : 2)
    }
  }
  return y
}
