/** Types whose 4-bit codes name one of 16 uneven values. Layouts: ggml-common.h, block_iq4_nl and block_iq4_xs. */
import { f16At } from './half'
import type { UnpackTarget } from './decomposition'

/** kvalues_iq4nl of ggml-common.h. */
const codebook = new Int8Array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113])

function lookUp(bytes: Uint8Array, from: number, q: Uint8Array | Int8Array, to: number): void {
  for (let j = 0; j < 16; j++) {
    const byte = bytes[from + j]
    q[to + j] = codebook[byte & 15]
    q[to + j + 16] = codebook[byte >> 4]
  }
}

/** d f16, 16 bytes of halves: w = d * codebook[code]. */
export function unpackIq4Nl(bytes: Uint8Array, blocks: number, { q, scale }: UnpackTarget): void {
  for (let b = 0, at = 0; b < blocks; b++, at += 18) {
    scale[b] = f16At(bytes, at)
    lookUp(bytes, at + 2, q, b * 32)
  }
}

/** d f16, 2 bytes with the high bit pairs and 4 with the low halves of eight scales, 128 bytes of halves. */
export function unpackIq4Xs(bytes: Uint8Array, blocks: number, { q, scale }: UnpackTarget): void {
  for (let b = 0, at = 0; b < blocks; b++, at += 136) {
    const d = f16At(bytes, at)
    const high = bytes[at + 2] | (bytes[at + 3] << 8)
    for (let g = 0; g < 8; g++) {
      const low = (bytes[at + 4 + (g >> 1)] >> (4 * (g & 1))) & 15
      scale[b * 8 + g] = d * ((low | (((high >> (2 * g)) & 3) << 4)) - 32)
      lookUp(bytes, at + 8 + g * 16, q, b * 256 + g * 32)
    }
  }
}
