/** Twin of stream_read: exclusive or of the vec4s that each lane of each group's run reads. x: [count, 4]; out: [groups * lanes]. */
export function streamRead(x: ArrayLike<number>, run: number, groups: number, lanes: number): number[] {
  const count = x.length / 4
  const runs = Math.ceil(count / run)
  const out: number[] = new Array(groups * lanes).fill(0)
  for (let group = 0; group < groups; group++) {
    const first = (group % runs) * run
    for (let i = first; i < Math.min(first + run, count); i++) {
      const at = group * lanes + ((i - first) % lanes)
      for (let c = 0; c < 4; c++) out[at] = (out[at] ^ x[i * 4 + c]) >>> 0
    }
  }
  return out
}
