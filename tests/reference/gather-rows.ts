/** Twin of gather_rows: y[r, :] = x[rows[r], :]. */
export function gatherRows(x: ArrayLike<number>, rows: ArrayLike<number>, dim: number): number[] {
  const y: number[] = []
  for (let r = 0; r < rows.length; r++) for (let i = 0; i < dim; i++) y.push(x[rows[r] * dim + i])
  return y
}
