/** f32 to Q8_0 blocks: d = max |w| / 127 as f16, codes rounded to nearest (ggml-quants.c, quantize_row_q8_0_ref). */
export function quantizeQ80(values: Float32Array): Uint8Array {
  const blocks = values.length / 32
  const out = new Uint8Array(blocks * 34)
  const half = new Float16Array(1)
  const halfBytes = new Uint8Array(half.buffer)
  for (let b = 0; b < blocks; b++) {
    let largest = 0
    for (let i = b * 32; i < b * 32 + 32; i++) largest = Math.max(largest, Math.abs(values[i]))
    half[0] = largest / 127
    out.set(halfBytes, b * 34)
    const inverse = largest > 0 ? 127 / largest : 0
    for (let i = 0; i < 32; i++) out[b * 34 + 2 + i] = Math.round(values[b * 32 + i] * inverse)
  }
  return out
}
