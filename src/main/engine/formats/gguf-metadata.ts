/** Reads the key-value pairs of a GGUF header. Specification: ggml/docs/gguf.md. */
import { figure, invalidFile, quoted, unsupportedFile } from './file-error'
import type { FileCursor } from './file-cursor'
import { valueBytes, valueTypes, type MetadataType, type ValueType } from './gguf-types'
import type { MetadataValue } from './weight-file'

/** Longest key, as the specification has it. */
const longestKey = 65_535
/** Most elements of an array of booleans: each takes eight bytes of memory for its one in the file. */
const mostBooleans = 65_536
/** A copy of tokenizer.json that some converters add (megabytes); the same vocabulary is in keys of its own. */
const unreadKeys: ReadonlySet<string> = new Set(['tokenizer.huggingface.json'])

const typedArrays = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  f64: Float64Array,
} as const

/**
 * Reads `count` pairs at the cursor.
 * @throws MoruError invalid_file for counts, lengths, types or keys that cannot be; unsupported for arrays of arrays
 */
export async function readMetadata(
  cursor: FileCursor,
  count: number,
): Promise<{ metadata: Map<string, MetadataValue>; types: Map<string, MetadataType> }> {
  const metadata = new Map<string, MetadataValue>()
  const types = new Map<string, MetadataType>()
  const seen = new Set<string>()
  for (let i = 0; i < count; i++) {
    const keyField = `key ${i + 1} of ${count}`
    const keyOffset = cursor.position
    const key = await readString(cursor, keyField, longestKey)
    if (key === '') throw invalidFile(cursor.place(keyField, keyOffset), 'an empty name')
    if (seen.has(key)) throw invalidFile(cursor.place(`key ${quoted(key)}`, keyOffset), 'the same name appears twice')
    seen.add(key)
    const { type, value } = await readValue(cursor, key)
    if (value === undefined) continue
    metadata.set(key, value)
    types.set(key, type)
  }
  return { metadata, types }
}

/** A length-prefixed string of at most `longest` bytes. */
export async function readString(cursor: FileCursor, field: string, longest: number): Promise<string> {
  if (!cursor.has(8)) await cursor.fill(8, field)
  const offset = cursor.position
  const length = cursor.u64(field)
  if (length > longest) {
    const problem = `a name of ${figure(length)} bytes; at most ${figure(longest)} are allowed`
    throw invalidFile(cursor.place(field, offset), problem)
  }
  return cursor.text(length, field)
}

interface TypedValue {
  type: MetadataType
  value: MetadataValue | undefined
}

async function readValue(cursor: FileCursor, key: string): Promise<TypedValue> {
  const field = `value of ${quoted(key)}`
  const type = await readValueType(cursor, field)
  if (type === 'array') return readArray(cursor, field)
  if (type !== 'string') {
    if (!cursor.has(valueBytes[type])) await cursor.fill(valueBytes[type], field)
    return { type, value: readScalar(cursor, type, field) }
  }
  if (!cursor.has(8)) await cursor.fill(8, field)
  const length = cursor.u64(field)
  if (!unreadKeys.has(key)) return { type, value: await cursor.text(length, field) }
  cursor.skip(length, field)
  return { type, value: undefined }
}

async function readValueType(cursor: FileCursor, field: string): Promise<ValueType> {
  if (!cursor.has(4)) await cursor.fill(4, field)
  const offset = cursor.position
  const id = cursor.u32()
  const type = valueTypes[id]
  if (type) return type
  const problem = `value type ${id} does not exist in GGUF (0 to ${valueTypes.length - 1} do)`
  throw invalidFile(cursor.place(field, offset), problem)
}

function readScalar(cursor: FileCursor, type: Exclude<ValueType, 'string' | 'array'>, field: string): number | boolean {
  switch (type) {
    case 'u64':
    case 'i64':
      return cursor[type](field)
    case 'bool':
      return readBoolean(cursor, field)
    default:
      return cursor[type]()
  }
}

function readBoolean(cursor: FileCursor, field: string): boolean {
  const byte = cursor.u8()
  if (byte > 1) throw invalidFile(cursor.place(field, cursor.position - 1), `${byte} is neither false (0) nor true (1)`)
  return byte === 1
}

async function readArray(cursor: FileCursor, field: string): Promise<TypedValue> {
  const type = await readValueType(cursor, field)
  if (type === 'array') throw unsupportedFile(cursor.place(field, cursor.position - 4), 'an array of arrays')
  if (!cursor.has(8)) await cursor.fill(8, field)
  const offset = cursor.position
  const count = cursor.u64(field)
  if (count * valueBytes[type] > cursor.remaining) {
    const problem = `${figure(count)} elements need at least ${figure(count * valueBytes[type])} bytes, but the file has only ${figure(cursor.remaining)} left`
    throw invalidFile(cursor.place(field, offset), problem)
  }
  return { type: { arrayOf: type }, value: await readElements(cursor, type, count, field) }
}

async function readElements(
  cursor: FileCursor,
  type: Exclude<ValueType, 'array'>,
  count: number,
  field: string,
): Promise<MetadataValue> {
  switch (type) {
    case 'string':
      return readStrings(cursor, count, field)
    case 'bool':
      return readBooleans(cursor, count, field)
    case 'u64':
    case 'i64':
      return readIntegers(cursor, type, count, field)
    default: {
      const values = new typedArrays[type](count)
      await cursor.readInto(new Uint8Array(values.buffer), field)
      return values
    }
  }
}

async function readStrings(cursor: FileCursor, count: number, field: string): Promise<string[]> {
  const strings = new Array<string>(count)
  for (let i = 0; i < count; i++) {
    if (!cursor.has(8)) await cursor.fill(8, field)
    const length = cursor.u64(field)
    strings[i] = cursor.has(length) ? cursor.textAtHand(length, field) : await cursor.text(length, field)
  }
  return strings
}

async function readBooleans(cursor: FileCursor, count: number, field: string): Promise<boolean[]> {
  if (count > mostBooleans) {
    const problem = `${figure(count)} booleans; at most ${figure(mostBooleans)} are read`
    throw invalidFile(cursor.place(field), problem)
  }
  await cursor.fill(count, field)
  return Array.from({ length: count }, () => readBoolean(cursor, field))
}

/** 64-bit integers as doubles, which hold every one that is let through. */
async function readIntegers(
  cursor: FileCursor,
  type: 'u64' | 'i64',
  count: number,
  field: string,
): Promise<Float64Array> {
  const values = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    if (!cursor.has(8)) await cursor.fill(8, field)
    values[i] = cursor[type](field)
  }
  return values
}
