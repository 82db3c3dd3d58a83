import { flops } from './flops'

/** f64 twin of multiply_add: each lane's sixteen sums, rounds times eight s = s * factor + shift, added up; the same in every group. */
export function multiplyAdd(
  x: ArrayLike<number>,
  p: { groups: number; rounds: number; factor: number; shift: number },
): number[] {
  const out: number[] = []
  for (let group = 0; group < p.groups; group++)
    for (let lane = 0; lane < x.length / 16; lane++) {
      let sum = 0
      for (let chain = 0; chain < 16; chain++) {
        let s = x[lane * 16 + chain]
        for (let i = 0; i < p.rounds * 8; i++) {
          s = s * p.factor + p.shift
          flops(2)
        }
        sum += s
      }
      flops(15)
      out.push(sum)
    }
  return out
}
