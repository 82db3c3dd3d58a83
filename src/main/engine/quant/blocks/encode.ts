/** f32 rows to GGUF blocks. */
import { MoruError } from '../../../../shared/errors'
import { blockTypes } from '../../formats/block-types'
import { type TensorType } from '../../formats/weight-file'
import { checkWeights } from '../methods'
import { encodeQ2K, encodeQ3K, encodeQ4K, encodeQ5K, encodeQ6K } from './encode-k'
import { encodeQ40, encodeQ41, encodeQ50, encodeQ51, encodeQ80 } from './encode-simple'
import { type Run } from './fit'

const encoders = {
  q4_0: encodeQ40,
  q4_1: encodeQ41,
  q5_0: encodeQ50,
  q5_1: encodeQ51,
  q8_0: encodeQ80,
  q2_k: encodeQ2K,
  q3_k: encodeQ3K,
  q4_k: encodeQ4K,
  q5_k: encodeQ5K,
  q6_k: encodeQ6K,
} as const satisfies Partial<Record<TensorType, (run: Run, out: Uint8Array, at: number) => void>>

/** Block types that Moru writes. */
export type EncodedType = keyof typeof encoders
export const encodedTypes = Object.keys(encoders) as EncodedType[]

/** A matrix in blocks, row after row. */
export interface EncodedMatrix {
  rows: number
  cols: number
  type: EncodedType
  bytes: Uint8Array<ArrayBuffer>
}

export const isEncoded = (type: string): type is EncodedType => type in encoders

/**
 * Blocks of `weights`, whole rows of `cols` inputs, of a matrix or of a part of it: every block stands alone. Each weight's code
 * is the nearest; scales lose least squared error, times `importance[input]` where it is given (an importance matrix's row).
 * @throws MoruError invalid_input on weights that are no numbers and on rows that are no whole number of blocks
 */
export function encodeBlocks(
  type: EncodedType,
  weights: Float32Array,
  cols: number,
  importance?: Float32Array,
): Uint8Array<ArrayBuffer> {
  checkWeights(weights, cols)
  const { blockSize, blockBytes } = blockTypes[type]
  if (cols % blockSize !== 0)
    throw new MoruError(
      'invalid_input',
      `Rows of ${cols} inputs are no whole number of ${type} blocks of ${blockSize}.`,
    )
  const out = new Uint8Array((weights.length / blockSize) * blockBytes)
  const weight = importance ? countable(importance) : new Float32Array(cols).fill(1)
  const encode = encoders[type]
  for (let at = 0, to = 0; at < weights.length; at += blockSize, to += blockBytes)
    encode({ x: weights, at, count: blockSize, weight, weightAt: at % cols }, out, to)
  return out
}

/** Inputs that never occurred would leave their blocks without any say in the scales: nothing counts less than a trifle. */
function countable(importance: Float32Array): Float32Array {
  const mean = importance.reduce((sum, v) => sum + v, 0) / importance.length
  return mean > 0 ? importance.map((v) => Math.max(v, mean * 1e-4)) : importance.map(() => 1)
}
