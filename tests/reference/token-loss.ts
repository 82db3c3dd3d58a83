import { flops } from './flops'

/** f64 twin of token_loss for one row: log sum_i exp(l_i) - l_target, around the maximum. A NaN makes it NaN. */
export function tokenLoss(row: ArrayLike<number>, target: number): number {
  let maximum = -Infinity
  for (let i = 0; i < row.length; i++) {
    if (row[i] > maximum) maximum = row[i]
    flops(1)
  }
  let sum = 0
  for (let i = 0; i < row.length; i++) {
    sum += Math.exp(row[i] - maximum)
    flops(3)
  }
  flops(3)
  return maximum + Math.log(sum) - row[target]
}
