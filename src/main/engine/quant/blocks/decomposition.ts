/** A tensor's quantized blocks taken apart into codes and scales, exactly. */
import { MoruError } from '../../../../shared/errors'
import { blockTypes } from '../../formats/block-types'
import type { TensorType } from '../../formats/weight-file'
import { unpackIq4Nl, unpackIq4Xs } from './codebook-blocks'
import { unpackQ2K, unpackQ3K, unpackQ4K, unpackQ5K, unpackQ6K } from './k-blocks'
import { unpackQ40, unpackQ41, unpackQ50, unpackQ51, unpackQ80 } from './simple-blocks'

/**
 * Weight i is scale[g] * q[i] + (min ? min[g] : 0), with g = floor(i / groupSize). Scales and minima are exact in f32:
 * an f16 scale times a 6- or 8-bit factor has at most 19 significant bits. So the f32 nearest to that sum is the value
 * that GGML's own dequantization gives.
 */
export interface Decomposition {
  /** One code a weight: unsigned where `min` is given (below 2^bits), signed where it is null. */
  q: Uint8Array | Int8Array
  groupSize: 16 | 32
  /** Smallest of these that holds the codes: 4 and 5 are unsigned, 8 is a signed int8. */
  bits: 4 | 5 | 8
  /** [weights / groupSize] */
  scale: Float32Array
  /** [weights / groupSize], or null. */
  min: Float32Array | null
}

/** Arrays that an unpacker fills from its first block on. */
export interface UnpackTarget {
  q: Uint8Array | Int8Array
  scale: Float32Array
  min: Float32Array
}
export type Unpack = (bytes: Uint8Array, blocks: number, target: UnpackTarget) => void

interface Layout {
  groupSize: 16 | 32
  bits: 4 | 5 | 8
  unpack: Unpack
}

/** Types whose bits are 8 have signed codes and no minimum; all others are affine. */
const layouts = {
  q4_0: { groupSize: 32, bits: 4, unpack: unpackQ40 },
  q4_1: { groupSize: 32, bits: 4, unpack: unpackQ41 },
  q5_0: { groupSize: 32, bits: 5, unpack: unpackQ50 },
  q5_1: { groupSize: 32, bits: 5, unpack: unpackQ51 },
  q8_0: { groupSize: 32, bits: 8, unpack: unpackQ80 },
  q2_k: { groupSize: 16, bits: 4, unpack: unpackQ2K },
  q3_k: { groupSize: 16, bits: 4, unpack: unpackQ3K },
  q4_k: { groupSize: 32, bits: 4, unpack: unpackQ4K },
  q5_k: { groupSize: 32, bits: 5, unpack: unpackQ5K },
  q6_k: { groupSize: 16, bits: 8, unpack: unpackQ6K },
  iq4_nl: { groupSize: 32, bits: 8, unpack: unpackIq4Nl },
  iq4_xs: { groupSize: 32, bits: 8, unpack: unpackIq4Xs },
} as const satisfies Partial<Record<TensorType, Layout>>

export type QuantizedType = keyof typeof layouts

export function isQuantized(type: TensorType): type is QuantizedType {
  return type in layouts
}

/** Group size and bits of a type's decomposition, without data. */
export function blockLayout(type: QuantizedType): Pick<Decomposition, 'groupSize' | 'bits'> & { affine: boolean } {
  const { groupSize, bits } = layouts[type]
  return { groupSize, bits, affine: bits !== 8 }
}

/** Fills `target` with `blocks` blocks: for callers who go through a tensor in pieces with arrays of their own. */
export function unpackBlocks(type: QuantizedType, bytes: Uint8Array, blocks: number, target: UnpackTarget): void {
  layouts[type].unpack(bytes, blocks, target)
}

/**
 * Takes `count` weights apart.
 * @throws MoruError invalid_input when count is no whole number of blocks or bytes is not exactly as long as they are
 */
export function decomposeBlocks(type: QuantizedType, bytes: Uint8Array, count: number): Decomposition {
  const blocks = checkBlocks(type, bytes, count)
  const { groupSize, bits, affine } = blockLayout(type)
  const q = affine ? new Uint8Array(count) : new Int8Array(count)
  const scale = new Float32Array(count / groupSize)
  const min = new Float32Array(affine ? scale.length : 0)
  unpackBlocks(type, bytes, blocks, { q, scale, min })
  return { q, groupSize, bits, scale, min: affine ? min : null }
}

/** The number of blocks that `count` elements take; throws invalid_input when `bytes` does not hold exactly those. */
export function checkBlocks(type: TensorType, bytes: Uint8Array, count: number): number {
  const { blockSize, blockBytes } = blockTypes[type]
  const blocks = count / blockSize
  if (Number.isSafeInteger(blocks) && blocks >= 0 && bytes.length === blocks * blockBytes) return blocks
  throw new MoruError('invalid_input', `${count} elements of type ${type} do not take ${bytes.length} bytes.`)
}
