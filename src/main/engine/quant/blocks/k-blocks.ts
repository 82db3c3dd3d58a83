/**
 * K-quants: super-blocks of 256 weights whose groups of 16 or 32 have small integer scales under one or two f16 scales.
 * Layouts: ggml-common.h, block_q2_K to block_q6_K; order of the codes: dequantize_row_* in ggml-quants.c.
 */
import { f16At } from './half'
import type { UnpackTarget } from './decomposition'

type Codes = Uint8Array | Int8Array

/** Two-bit codes: each half of 128 weights takes 32 bytes, whose four bit pairs are four runs of 32 weights. */
function bitPairs(bytes: Uint8Array, from: number, q: Codes, to: number): void {
  for (let i = 0; i < 256; i++) {
    const byte = bytes[from + ((i >> 7) << 5) + (i & 31)]
    q[to + i] = (byte >> (2 * ((i >> 5) & 3))) & 3
  }
}

/** 16 bytes of scale (low half) and minimum (high half), 64 bytes of bit pairs, d f16, dmin f16. */
export function unpackQ2K(bytes: Uint8Array, blocks: number, { q, scale, min }: UnpackTarget): void {
  for (let b = 0, at = 0; b < blocks; b++, at += 84) {
    const d = f16At(bytes, at + 80)
    const dmin = f16At(bytes, at + 82)
    for (let g = 0; g < 16; g++) {
      const byte = bytes[at + g]
      scale[b * 16 + g] = d * (byte & 15)
      min[b * 16 + g] = -dmin * (byte >> 4)
    }
    bitPairs(bytes, at + 16, q, b * 256)
  }
}

/**
 * 32 bytes of third bits, 64 bytes of bit pairs, 12 bytes of 6-bit scales, d f16: w = d * (s - 32) * (q - 4).
 * Scale g has its low four bits in half g / 8 of byte g % 8 and its high two in byte 8 + g % 4.
 */
export function unpackQ3K(bytes: Uint8Array, blocks: number, { q, scale, min }: UnpackTarget): void {
  for (let b = 0, at = 0; b < blocks; b++, at += 110) {
    const d = f16At(bytes, at + 108)
    const scales = at + 96
    for (let g = 0; g < 16; g++) {
      const low = (bytes[scales + (g & 7)] >> (4 * (g >> 3))) & 15
      const high = (bytes[scales + 8 + (g & 3)] >> (2 * (g >> 2))) & 3
      const value = d * ((low | (high << 4)) - 32)
      scale[b * 16 + g] = value
      min[b * 16 + g] = -4 * value
    }
    bitPairs(bytes, at + 32, q, b * 256)
    for (let i = 0; i < 256; i++) q[b * 256 + i] |= ((bytes[at + (i & 31)] >> (i >> 5)) & 1) << 2
  }
}

/** Eight 6-bit scales and minima from 12 bytes, as get_scale_min_k4 of ggml-quants.c. */
function sixBitScales(bytes: Uint8Array, block: number, group: number, { scale, min }: UnpackTarget): void {
  const d = f16At(bytes, block)
  const dmin = f16At(bytes, block + 2)
  const at = block + 4
  for (let g = 0; g < 4; g++) {
    const last = bytes[at + 8 + g]
    scale[group + g] = d * (bytes[at + g] & 63)
    min[group + g] = -dmin * (bytes[at + 4 + g] & 63)
    scale[group + 4 + g] = d * ((last & 15) | ((bytes[at + g] >> 6) << 4))
    min[group + 4 + g] = -dmin * ((last >> 4) | ((bytes[at + 4 + g] >> 6) << 4))
  }
}

/** Four-bit codes: 32 bytes hold 64 weights, the low halves first. */
function runsOf32(bytes: Uint8Array, from: number, q: Codes, to: number): void {
  for (let run = 0; run < 4; run++) {
    for (let j = 0; j < 32; j++) {
      const byte = bytes[from + run * 32 + j]
      q[to + run * 64 + j] = byte & 15
      q[to + run * 64 + 32 + j] = byte >> 4
    }
  }
}

/** d f16, dmin f16, 12 bytes of scales, 128 bytes of halves: w = d * s * q - dmin * m. */
export function unpackQ4K(bytes: Uint8Array, blocks: number, target: UnpackTarget): void {
  for (let b = 0, at = 0; b < blocks; b++, at += 144) {
    sixBitScales(bytes, at, b * 8, target)
    runsOf32(bytes, at + 16, target.q, b * 256)
  }
}

/** As q4_k with 32 bytes of fifth bits after the scales: bit g of byte j belongs to weight j of group g. */
export function unpackQ5K(bytes: Uint8Array, blocks: number, target: UnpackTarget): void {
  const { q } = target
  for (let b = 0, at = 0; b < blocks; b++, at += 176) {
    sixBitScales(bytes, at, b * 8, target)
    runsOf32(bytes, at + 48, q, b * 256)
    for (let i = 0; i < 256; i++) q[b * 256 + i] |= ((bytes[at + 16 + (i & 31)] >> (i >> 5)) & 1) << 4
  }
}

/** 128 bytes of low halves, 64 of high bit pairs, 16 int8 scales, d f16: w = d * s * (q - 32). */
export function unpackQ6K(bytes: Uint8Array, blocks: number, { q, scale }: UnpackTarget): void {
  for (let b = 0, at = 0; b < blocks; b++, at += 210) {
    const d = f16At(bytes, at + 208)
    for (let g = 0; g < 16; g++) scale[b * 16 + g] = d * ((bytes[at + 192 + g] << 24) >> 24)
    bitPairs(bytes, at + 128, q, b * 256)
    for (let i = 0; i < 256; i++) {
      // Each half of 128 weights: two runs of 32 in the low halves of 64 bytes, then two in their high halves.
      const byte = bytes[at + ((i >> 7) << 6) + (i & 63)]
      const low = (byte >> (4 * ((i >> 6) & 1))) & 15
      q[b * 256 + i] = (low | (q[b * 256 + i] << 4)) - 32
    }
  }
}
