/**
 * Blocks of 32 weights with one scale. Layouts: ggml-common.h, block_q4_0 to block_q8_0.
 * Byte j of 4-bit codes holds weight j in its low and weight j + 16 in its high half.
 */
import { f16At } from './half'
import type { UnpackTarget } from './decomposition'

/** Codes of one block from its 16 bytes of halves. */
function halves(bytes: Uint8Array, from: number, q: Uint8Array | Int8Array, to: number): void {
  for (let j = 0; j < 16; j++) {
    const byte = bytes[from + j]
    q[to + j] = byte & 15
    q[to + j + 16] = byte >> 4
  }
}

/** d f16, 16 bytes of halves: w = d * (q - 8). */
export function unpackQ40(bytes: Uint8Array, blocks: number, { q, scale, min }: UnpackTarget): void {
  for (let b = 0, at = 0; b < blocks; b++, at += 18) {
    const d = f16At(bytes, at)
    scale[b] = d
    min[b] = -8 * d
    halves(bytes, at + 2, q, b * 32)
  }
}

/** d f16, m f16, 16 bytes of halves: w = d * q + m. */
export function unpackQ41(bytes: Uint8Array, blocks: number, { q, scale, min }: UnpackTarget): void {
  for (let b = 0, at = 0; b < blocks; b++, at += 20) {
    scale[b] = f16At(bytes, at)
    min[b] = f16At(bytes, at + 2)
    halves(bytes, at + 4, q, b * 32)
  }
}

/** Adds the fifth bits, one a weight in weight order, to codes that hold the lower four. */
function addFifthBits(bytes: Uint8Array, from: number, q: Uint8Array | Int8Array, to: number): void {
  for (let j = 0; j < 32; j++) q[to + j] |= ((bytes[from + (j >> 3)] >> (j & 7)) & 1) << 4
}

/** d f16, 4 bytes of fifth bits, 16 bytes of halves: w = d * (q - 16). */
export function unpackQ50(bytes: Uint8Array, blocks: number, { q, scale, min }: UnpackTarget): void {
  for (let b = 0, at = 0; b < blocks; b++, at += 22) {
    const d = f16At(bytes, at)
    scale[b] = d
    min[b] = -16 * d
    halves(bytes, at + 6, q, b * 32)
    addFifthBits(bytes, at + 2, q, b * 32)
  }
}

/** d f16, m f16, 4 bytes of fifth bits, 16 bytes of halves: w = d * q + m. */
export function unpackQ51(bytes: Uint8Array, blocks: number, { q, scale, min }: UnpackTarget): void {
  for (let b = 0, at = 0; b < blocks; b++, at += 24) {
    scale[b] = f16At(bytes, at)
    min[b] = f16At(bytes, at + 2)
    halves(bytes, at + 8, q, b * 32)
    addFifthBits(bytes, at + 4, q, b * 32)
  }
}

/** d f16, 32 int8: w = d * q. */
export function unpackQ80(bytes: Uint8Array, blocks: number, { q, scale }: UnpackTarget): void {
  for (let b = 0, at = 0; b < blocks; b++, at += 34) {
    scale[b] = f16At(bytes, at)
    for (let j = 0; j < 32; j++) q[b * 32 + j] = bytes[at + 2 + j]
  }
}
