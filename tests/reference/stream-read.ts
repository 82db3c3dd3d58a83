/** Twin of stream_read: exclusive or of the vec4s that each lane of each run reads. x: [count, 4]; out: [runs * lanes]. */
export function streamRead(x: ArrayLike<number>, run: number, lanes: number): number[] {
  const count = x.length / 4
  const out: number[] = new Array(Math.ceil(count / run) * lanes).fill(0)
  for (let i = 0; i < count; i++) {
    const at = Math.floor(i / run) * lanes + ((i % run) % lanes)
    for (let c = 0; c < 4; c++) out[at] = (out[at] ^ x[i * 4 + c]) >>> 0
  }
  return out
}
