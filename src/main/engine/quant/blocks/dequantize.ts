/** Any weight type to f32. */
import { MoruError } from '../../../../shared/errors'
import { blockTypes } from '../../formats/block-types'
import type { TensorType } from '../../formats/weight-file'
import { blockLayout, checkBlocks, isQuantized, unpackBlocks, type QuantizedType } from './decomposition'
import { bf16ToF32, f16ToF32 } from './half'

/** Weights taken apart at a time: the scratch arrays stay in the processor's cache. */
const pieceWeights = 8192

/**
 * The values of `count` elements, as GGML's dequantization gives them. An f32 result may share memory with `bytes`.
 * @throws MoruError invalid_input when `bytes` is not exactly as long as `count` elements; unsupported for integer types
 */
export function dequantize(type: TensorType, bytes: Uint8Array, count: number): Float32Array {
  checkBlocks(type, bytes, count)
  if (isQuantized(type)) return dequantizeBlocks(type, bytes, count)
  switch (type) {
    case 'f32': {
      const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
      return new Float32Array(aligned.buffer, aligned.byteOffset, count)
    }
    case 'f16':
      return f16ToF32(bytes, count)
    case 'bf16':
      return bf16ToF32(bytes, count)
    default:
      throw new MoruError('unsupported', `A tensor of type ${type} holds integers, not weights.`)
  }
}

function dequantizeBlocks(type: QuantizedType, bytes: Uint8Array, count: number): Float32Array {
  const { blockSize, blockBytes } = blockTypes[type]
  const { groupSize, affine } = blockLayout(type)
  const out = new Float32Array(count)
  const q = affine ? new Uint8Array(pieceWeights) : new Int8Array(pieceWeights)
  const scale = new Float32Array(pieceWeights / groupSize)
  const min = new Float32Array(pieceWeights / groupSize)
  for (let start = 0; start < count; start += pieceWeights) {
    const weights = Math.min(pieceWeights, count - start)
    const blocks = weights / blockSize
    const from = (start / blockSize) * blockBytes
    unpackBlocks(type, bytes.subarray(from, from + blocks * blockBytes), blocks, { q, scale, min })
    for (let g = 0, i = 0; i < weights; g++) {
      const factor = scale[g]
      const offset = min[g]
      for (const end = i + groupSize; i < end; i++) out[start + i] = factor * q[i] + offset
    }
  }
  return out
}
