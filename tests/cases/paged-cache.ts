/** A layer's key/value cache as kernels/parts/kv_layout.wgsl describes it, filled from plain arrays. */
import { blockTokens, type KvType } from '../../src/main/engine/kernels/attention'

export interface CacheShape {
  kv: KvType
  kvHeads: number
  headDim: number
  blocks: number
}

/** Index of an element of the cache: keys [block][head][chunk][token], values [block][head][token][chunk], chunks of 16 bytes. */
export function cacheIndex(
  { kv, kvHeads, headDim }: CacheShape,
  part: 'keys' | 'values',
  slot: number,
  head: number,
  i: number,
): number {
  const width = kv === 'f16' ? 8 : 4
  const chunks = headDim / width
  const chunk = Math.floor(i / width)
  const block = Math.floor(slot / blockTokens) * kvHeads + head
  const place = slot % blockTokens
  const at = part === 'keys' ? (block * chunks + chunk) * blockTokens + place : (block * blockTokens + place) * chunks + chunk // prettier-ignore
  return at * width + (i % width)
}

/** A cache full of `value`. */
export function emptyCache({ kv, kvHeads, headDim, blocks }: CacheShape, value: number) {
  const length = blocks * blockTokens * kvHeads * headDim
  return kv === 'f16' ? new Float16Array(length).fill(value) : new Float32Array(length).fill(value)
}

/** Blocks 0 .. blocks - 1 in an order that no sequence of them is consecutive. */
export function scattered(blocks: number): number[] {
  const step = [7, 5, 3, 2].find((n) => blocks % n !== 0) ?? 1
  return Array.from({ length: blocks }, (_, i) => (i * step + 1) % blocks)
}
