/** A layer's key/value cache as kernels/parts/kv_layout.wgsl describes it, filled from plain arrays. */
import { blockTokens, kvHeadBytes, type KvType } from '../../src/main/engine/kernels/attention'
import { quantizeHead } from '../reference/kv-int8'
import { type BufferData } from './kernel-case'

export interface CacheShape {
  kv: KvType
  kvHeads: number
  headDim: number
  blocks: number
}

type Part = 'keys' | 'values'

/** First word of a chunk: keys [block][head][chunk][token], values [block][head][token][chunk]; int8 has 16 words of scales behind. */
function wordAt({ kv, kvHeads, headDim }: CacheShape, part: Part, slot: number, head: number, chunk: number): number {
  const chunks = headDim / (kv === 'f32' ? 4 : 8)
  const span = chunks * blockTokens + (kv === 'int8' ? blockTokens : 0)
  const place = slot % blockTokens
  const first = (Math.floor(slot / blockTokens) * kvHeads + head) * span
  return first + (part === 'keys' ? chunk * blockTokens + place : place * chunks + chunk)
}

/** Index of dimension `i` among the cache's elements; of int8, among what `decoded` gives. */
export function cacheIndex(cache: CacheShape, part: Part, slot: number, head: number, i: number): number {
  if (cache.kv === 'int8') return (slot * cache.kvHeads + head) * cache.headDim + i
  const width = cache.kv === 'f32' ? 4 : 8
  return wordAt(cache, part, slot, head, Math.floor(i / width)) * width + (i % width)
}

/** A cache full of `value`; of int8, full of NaN scales or of codes and scales that are bits of 3. */
export function emptyCache({ kv, kvHeads, headDim, blocks }: CacheShape, value: number): BufferData {
  const bytes = blocks * blockTokens * kvHeads * kvHeadBytes(kv, headDim)
  if (kv === 'int8') return new Uint32Array(bytes / 4).fill(Number.isNaN(value) ? 0xffffffff : 0x03030303)
  return kv === 'f16' ? new Float16Array(bytes / 2).fill(value) : new Float32Array(bytes / 4).fill(value)
}

const scaleAt = (cache: CacheShape, slot: number, head: number) =>
  wordAt(cache, 'keys', slot - (slot % blockTokens), head, cache.headDim / 8) + (slot % blockTokens)

/** Stores a head of one token; returns what the cache then holds of it. */
export function storeHead(cache: CacheShape, into: BufferData, part: Part, slot: number, head: number, v: number[]) {
  if (cache.kv !== 'int8')
    return v.map((e, i) => {
      const at = cacheIndex(cache, part, slot, head, i)
      into[at] = e
      return into[at]
    })
  const { codes, scales } = quantizeHead(v)
  const bytes = new Int8Array(into.buffer)
  codes.forEach((code, i) => (bytes[wordAt(cache, part, slot, head, i >> 3) * 8 + (i % 8)] = code))
  new Float32Array(into.buffer).set(scales, scaleAt(cache, slot, head) * 2)
  return codes.map((code, i) => (scales[i < v.length / 2 ? 0 : 1] * code) / 127)
}

/** The values that an int8 cache holds, [slot][head][dimension]. */
export function decoded(cache: CacheShape, part: Part, buffer: ArrayBuffer): Float32Array<ArrayBuffer> {
  const { kvHeads, headDim, blocks } = cache
  const bytes = new Int8Array(buffer)
  const floats = new Float32Array(buffer)
  return Float32Array.from({ length: blocks * blockTokens * kvHeads * headDim }, (_, at) => {
    const i = at % headDim
    const head = Math.floor(at / headDim) % kvHeads
    const slot = Math.floor(at / headDim / kvHeads)
    const scale = floats[scaleAt(cache, slot, head) * 2 + (i < headDim / 2 ? 0 : 1)]
    return (scale * bytes[wordAt(cache, part, slot, head, i >> 3) * 8 + (i % 8)]) / 127
  })
}

/** Blocks 0 .. blocks - 1 in an order that no sequence of them is consecutive. */
export function scattered(blocks: number): number[] {
  const step = [7, 5, 3, 2].find((n) => blocks % n !== 0) ?? 1
  return Array.from({ length: blocks }, (_, i) => (i * step + 1) % blocks)
}
