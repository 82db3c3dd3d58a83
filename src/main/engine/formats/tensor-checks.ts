/**
 * Checks that every weight format owes its tensors, before anything is sized by what the file says.
 * `place` is a function because finding it out costs more than the check.
 */
import { blockTypes } from './block-types'
import { figure, invalidFile, quoted, type Place } from './file-error'
import type { TensorType } from './weight-file'

/** Longest tensor name in bytes; GGML itself stops at 64. */
export const longestTensorName = 512

/** Names become labels and, in tools, file names: nothing that could lead out of a folder or break a line. */
export function checkTensorName(name: string, place: () => Place): void {
  if (name === '') throw invalidFile(place(), 'an empty tensor name')
  if (/[\p{Cc}/\\]/u.test(name)) {
    throw invalidFile(place(), `the tensor name ${quoted(name)} has a path separator or a control character`)
  }
}

/**
 * Bytes of a tensor of this shape (outermost first; [] is one number).
 * @throws MoruError invalid_file for empty dimensions, products beyond 2^53, and rows that are no whole number of blocks
 */
export function tensorBytes(shape: readonly number[], type: TensorType, place: () => Place): number {
  let elements = 1
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 1) {
      throw invalidFile(place(), `shape [${shape.join(', ')}] has a dimension that is not a positive whole number`)
    }
    elements *= dim
    if (!Number.isSafeInteger(elements)) {
      throw invalidFile(place(), `shape [${shape.join(', ')}] has more than 2^53 elements`)
    }
  }
  const { blockSize, blockBytes } = blockTypes[type]
  const row = shape.at(-1) ?? 1
  if (row % blockSize !== 0) {
    throw invalidFile(place(), `rows of ${figure(row)} elements are no whole number of ${type} blocks of ${blockSize}`)
  }
  const bytes = (elements / blockSize) * blockBytes
  if (Number.isSafeInteger(bytes)) return bytes
  throw invalidFile(place(), `shape [${shape.join(', ')}] needs more than 2^53 bytes`)
}
