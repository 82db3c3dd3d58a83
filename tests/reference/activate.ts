import { flops } from './flops'

/** erf(x) = 2 / sqrt(pi) exp(-x^2) sum_n 2^n x^(2n + 1) / (1 * 3 * ... * (2n + 1)): all terms have one sign. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

const functions = {
  silu: (v: number) => {
    flops(4)
    return v / (1 + Math.exp(-v))
  },
  gelu_tanh: (v: number) => {
    flops(9)
    return 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)))
  },
  gelu: (v: number) => {
    flops(5)
    return 0.5 * v * (1 + erf(v * Math.SQRT1_2))
  },
  relu: (v: number) => {
    flops(1)
    return Math.max(v, 0)
  },
}

/** f64 twin of activate: y[t, i] = f(x[t, i]); gated: f(x[t, i]) x[t, dim + i], rows being 2 dim long. */
export function activate(x: ArrayLike<number>, dim: number, kind: keyof typeof functions, gated: boolean): number[] {
  const y: number[] = []
  const width = gated ? 2 * dim : dim
  for (let row = 0; row < x.length; row += width)
    for (let i = 0; i < dim; i++) {
      const f = functions[kind](x[row + i])
      y.push(gated ? f * x[row + dim + i] : f)
      if (gated) flops(1)
    }
  return y
}
