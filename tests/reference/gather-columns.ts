/** f64 twin of gather_columns: each token's inputs in the order of `columns`. */
export function gatherColumns(x: ArrayLike<number>, columns: ArrayLike<number>, cols: number): number[] {
  return Array.from({ length: x.length }, (_, i) => x[i - (i % cols) + columns[i % cols]])
}
