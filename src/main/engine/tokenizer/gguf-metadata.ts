import { MoruError } from '../../../shared/errors'
import { type MetadataValue } from '../formats/weight-file'

export type Metadata = ReadonlyMap<string, MetadataValue>

/** The key of a part of the tokenizer. */
export const key = (name: string): string => `tokenizer.ggml.${name}`

const broken = (key: string, what: string): MoruError =>
  new MoruError('invalid_file', `${key}: ${what}. The file is damaged or was written by a faulty tool.`)

/** A list of strings, or null when the key is missing. */
export function stringList(metadata: Metadata, key: string): string[] | null {
  const value = metadata.get(key)
  if (value === undefined) return null
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
    throw broken(key, 'a list of strings belongs here')
  return value as string[]
}

/** A list of numbers, or null when the key is missing. */
export function numberList(metadata: Metadata, key: string): ArrayLike<number> | null {
  const value = metadata.get(key)
  if (value === undefined) return null
  if (typeof value !== 'object' || (value.length > 0 && typeof value[0] !== 'number'))
    throw broken(key, 'a list of numbers belongs here')
  return value as ArrayLike<number>
}

export function text(metadata: Metadata, key: string): string | null {
  const value = metadata.get(key)
  if (value === undefined) return null
  if (typeof value !== 'string') throw broken(key, 'a text belongs here')
  return value
}

export function flag(metadata: Metadata, key: string): boolean | null {
  const value = metadata.get(key)
  if (value === undefined) return null
  if (typeof value !== 'boolean') throw broken(key, 'true or false belongs here')
  return value
}

/** A token id within the vocabulary, or null when the key is missing. */
export function tokenId(metadata: Metadata, key: string, vocabSize: number): number | null {
  const value = metadata.get(key)
  if (value === undefined) return null
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw broken(key, 'a token id belongs here')
  // Writers mark an absent token with all bits set.
  if (value === 0xffffffff) return null
  if (value >= vocabSize) throw broken(key, `token ${value} is outside the vocabulary of ${vocabSize}`)
  return value
}

/** A list of bytes, which writers store as signed or unsigned ones; null when the key is missing. */
export function byteList(metadata: Metadata, key: string): Uint8Array | null {
  const values = numberList(metadata, key)
  if (values === null) return null
  const bytes = Uint8Array.from(values)
  for (let i = 0; i < values.length; i++)
    if (((values[i] + 256) & 0xff) !== bytes[i] || values[i] < -128 || values[i] > 255)
      throw broken(key, 'bytes belong here')
  return bytes
}
