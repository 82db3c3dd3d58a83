/** The bytes of a GGUF header: magic, counts, metadata, tensor table. Specification: ggml/docs/gguf.md, version 3. */
import { MoruError } from '../../../shared/errors'
import {
  ggmlNumbers,
  valueTypes,
  type GgufMetadata,
  type GgufValue,
  type NumberType,
  type ValueType,
} from './gguf-types'
import type { TensorDescriptor } from './weight-writer'

const version = 3

/**
 * @param places where each tensor begins, in bytes from the start of the data section
 * @throws MoruError internal for numbers that their type cannot hold, unsupported for tensor types that GGUF lacks
 */
export function encodeGgufHeader(
  metadata: GgufMetadata,
  tensors: readonly TensorDescriptor[],
  places: readonly number[],
): Uint8Array {
  const out = new GrowingBytes()
  out.raw(Buffer.from('GGUF')).number('u32', version).number('u64', tensors.length).number('u64', metadata.size)
  for (const [key, value] of metadata) writePair(out, key, value)
  tensors.forEach(({ name, shape, type }, i) => {
    const id = ggmlNumbers.get(type)
    if (id === undefined) throw new MoruError('unsupported', `${name}: GGUF has no tensors of type ${type}.`)
    // A single number is a vector of one: GGUF has no tensor without dimensions.
    const dims = shape.length === 0 ? [1] : shape.toReversed()
    out.text(name).number('u32', dims.length)
    for (const dim of dims) out.number('u64', dim)
    out.number('u32', id).number('u64', places[i])
  })
  return out.result()
}

function writePair(out: GrowingBytes, key: string, value: GgufValue): void {
  out.text(key).number('u32', valueTypes.indexOf(value.type))
  if (value.type !== 'array') return writeScalar(out, key, value.type, value.value)
  out.number('u32', valueTypes.indexOf(value.of)).number('u64', value.value.length)
  for (let i = 0; i < value.value.length; i++) writeScalar(out, key, value.of, value.value[i])
}

function writeScalar(
  out: GrowingBytes,
  key: string,
  type: Exclude<ValueType, 'array'>,
  value: string | number | boolean,
): void {
  if (type === 'string') out.text(value as string)
  else if (type === 'bool') out.number('u8', value ? 1 : 0)
  else if (fits(type, value as number)) out.number(type, value as number)
  else throw new MoruError('internal', `${key}: ${String(value)} is no ${type}.`)
}

/** Magnitudes as powers of two; 64-bit integers end where doubles are no longer exact. */
const magnitudeBits: Partial<Record<NumberType, number>> = {
  u8: 8,
  i8: 7,
  u16: 16,
  i16: 15,
  u32: 32,
  i32: 31,
  u64: 53,
  i64: 53,
}

function fits(type: NumberType, value: number): boolean {
  const bits = magnitudeBits[type]
  if (bits === undefined) return true
  return Number.isInteger(value) && value < 2 ** bits && value >= (type.startsWith('i') ? -(2 ** bits) : 0)
}

class GrowingBytes {
  #bytes = Buffer.alloc(64 * 1024)
  #length = 0

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  text(value: string): this {
    const length = Buffer.byteLength(value)
    this.number('u64', length).#reserve(length)
    this.#bytes.write(value, this.#length)
    this.#length += length
    return this
  }

  number(type: NumberType, value: number): this {
    this.#reserve(8)
    this.#length = numberWriters[type](this.#bytes, value, this.#length)
    return this
  }

  result(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return
    const grown = Buffer.alloc(Math.max(2 * this.#bytes.length, this.#length + bytes))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}

/** Each returns where the next value goes. */
const numberWriters: Readonly<Record<NumberType, (bytes: Buffer, value: number, at: number) => number>> = {
  u8: (bytes, value, at) => bytes.writeUInt8(value, at),
  i8: (bytes, value, at) => bytes.writeInt8(value, at),
  u16: (bytes, value, at) => bytes.writeUInt16LE(value, at),
  i16: (bytes, value, at) => bytes.writeInt16LE(value, at),
  u32: (bytes, value, at) => bytes.writeUInt32LE(value, at),
  i32: (bytes, value, at) => bytes.writeInt32LE(value, at),
  f32: (bytes, value, at) => bytes.writeFloatLE(value, at),
  u64: (bytes, value, at) => bytes.writeBigUInt64LE(BigInt(value), at),
  i64: (bytes, value, at) => bytes.writeBigInt64LE(BigInt(value), at),
  f64: (bytes, value, at) => bytes.writeDoubleLE(value, at),
}
