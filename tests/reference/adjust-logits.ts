import { flops } from './flops'

/** f64 twin of adjust_logits: l = (l > 0 ? l / penalty : l * penalty) + offset at each index. */
export function adjustLogits(
  logits: ArrayLike<number>,
  entries: { at: number; penalty: number; offset: number }[],
): number[] {
  const out = Array.from(logits)
  for (const { at, penalty, offset } of entries) {
    out[at] = (out[at] > 0 ? out[at] / penalty : out[at] * penalty) + offset
    flops(2)
  }
  return out
}
