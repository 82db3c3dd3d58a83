import { flops } from './flops'

/** f64 twin of layer_norm: y[t, i] = (x[t, i] - mean) / sqrt(variance + eps) * w[i] + b[i]. */
export function layerNorm(x: ArrayLike<number>, w: ArrayLike<number>, b: ArrayLike<number>, eps: number): number[] {
  const dim = w.length
  const y: number[] = []
  for (let row = 0; row < x.length; row += dim) {
    let sum = 0
    for (let i = 0; i < dim; i++) {
      sum += x[row + i]
      flops(1)
    }
    const mean = sum / dim
    flops(1)
    let squares = 0
    for (let i = 0; i < dim; i++) {
      squares += (x[row + i] - mean) * (x[row + i] - mean)
      flops(3) // the difference once
    }
    const scale = 1 / Math.sqrt(squares / dim + eps)
    flops(3)
    for (let i = 0; i < dim; i++) {
      y.push((x[row + i] - mean) * scale * w[i] + b[i])
      flops(4)
    }
  }
  return y
}
