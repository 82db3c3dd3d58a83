import { type SoftmaxSums } from './attention'
import { flops } from './flops'

/** f64 twin of attention_combine: one head of a token from the sums over parts of its keys. */
export function attentionCombine(parts: SoftmaxSums[]): number[] {
  let maximum = -Infinity
  for (const part of parts) {
    maximum = Math.max(maximum, part.maximum)
    flops(1)
  }
  const sum = parts[0].weighted.map(() => 0)
  let total = 0
  for (const part of parts) {
    const scale = Math.exp(part.maximum - maximum)
    total += scale * part.total
    flops(4)
    part.weighted.forEach((v, i) => {
      sum[i] += scale * v
      flops(2)
    })
  }
  return sum.map((v) => {
    flops(1)
    return v / total
  })
}
