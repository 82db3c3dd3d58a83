import { flops } from './flops'

const byte = (word: number, i: number) => (word << (24 - 8 * i)) >> 24

/** Twin of dot_int8 in integers that wrap at 32 bits: each lane's sixteen sums, added up; the same in every group. */
export function dotInt8(x: ArrayLike<number>, p: { groups: number; rounds: number; factor: number }): number[] {
  const out: number[] = []
  for (let group = 0; group < p.groups; group++)
    for (let lane = 0; lane < x.length / 16; lane++) {
      let sum = 0
      for (let chain = 0; chain < 16; chain++) {
        let s = x[lane * 16 + chain]
        for (let i = 0; i < p.rounds * 8; i++) {
          let dot = 0
          for (let b = 0; b < 4; b++) dot += byte(s, b) * byte(p.factor, b)
          s = (s + dot) | 0
          flops(8)
        }
        sum = (sum + s) | 0
      }
      flops(15)
      out.push(sum)
    }
  return out
}
