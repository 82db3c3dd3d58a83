import { flops } from './flops'

/** f64 twin of embed: y[t, :] = scale * w[ids[t], :] (+ y0[t, :]) for ids in [firstRow, firstRow + rows); other tokens keep y0. */
export function embed(
  ids: ArrayLike<number>,
  w: ArrayLike<number>,
  shape: { rows: number; cols: number; firstRow: number },
  scale: number,
  y0: ArrayLike<number>,
  add: boolean,
): number[] {
  const { rows, cols, firstRow } = shape
  const y = Array.from(y0)
  for (let t = 0; t < ids.length; t++) {
    const row = ids[t] - firstRow
    if (row < 0 || row >= rows) continue
    for (let i = 0; i < cols; i++) {
      y[t * cols + i] = scale * w[row * cols + i]
      flops(1)
      if (add) {
        y[t * cols + i] += y0[t * cols + i]
        flops(1)
      }
    }
  }
  return y
}
