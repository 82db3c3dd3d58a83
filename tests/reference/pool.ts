import { flops } from './flops'

export type Pooling = 'mean' | 'max' | 'cls' | 'last'

/** One element over the tokens that a mode looks at. */
function pooled(column: number[], mode: Pooling): number {
  if (mode === 'cls' || mode === 'last') return column[0]
  flops(column.length)
  if (mode === 'max') return column.reduce((a, b) => Math.max(a, b), -Infinity)
  return column.reduce((a, b) => a + b) / column.length
}

/** f64 twin of pool for one sequence of [tokens, dim]: a vector, of unit length if asked for; zeros stay zeros. */
export function pool(x: ArrayLike<number>, dim: number, mode: Pooling, normalize: boolean): number[] {
  const rows = x.length / dim
  const y = Array.from({ length: dim }, (_, i) => {
    const tokens = mode === 'cls' ? [0] : mode === 'last' ? [rows - 1] : Array.from({ length: rows }, (_, t) => t)
    const column = tokens.map((t) => x[t * dim + i])
    return pooled(column, mode)
  })
  if (!normalize) return y
  let squares = 0
  for (const v of y) {
    squares += v * v
    flops(2)
  }
  const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0
  flops(2)
  return y.map((v) => {
    flops(1)
    return v * scale
  })
}
