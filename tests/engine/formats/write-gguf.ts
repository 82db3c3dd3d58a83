/** Writes GGUF files for tests, sound ones and, where a value is given for a count or an offset, broken ones. */
import { ByteWriter, type Field } from './byte-writer'

type ScalarType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'bool' | 'u64' | 'i64' | 'f64'
export type Value =
  | { type: ScalarType; value: number | bigint }
  | { type: 'string'; value: string | Uint8Array }
  | { type: 'array'; of: ScalarType; values: (number | bigint)[]; count?: number | bigint }
  | { type: 'array'; of: 'string'; values: (string | Uint8Array)[]; count?: number | bigint }

const typeNumbers = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const

export interface GgufTensor {
  name: string
  /** Innermost first, as the file has them. */
  dims: (number | bigint)[]
  type: number
  data: Uint8Array
  offset?: number | bigint
}

export interface GgufParts {
  version?: number
  metadata?: [string, Value][]
  tensors?: GgufTensor[]
  tensorCount?: number | bigint
  pairCount?: number | bigint
  alignment?: number
}

export const u32 = (value: number): Value => ({ type: 'u32', value })
export const f32 = (value: number): Value => ({ type: 'f32', value })
export const text = (value: string | Uint8Array): Value => ({ type: 'string', value })
export const texts = (values: (string | Uint8Array)[]): Value => ({ type: 'array', of: 'string', values })

/** An f32 tensor whose values are 0, 1, 2, ... from `first` on. */
export function counting(name: string, dims: number[], first = 0): GgufTensor {
  const count = dims.reduce((product, dim) => product * dim, 1)
  const values = Float32Array.from({ length: count }, (_, i) => first + i)
  return { name, dims, type: 0, data: new Uint8Array(values.buffer) }
}

export function writeGguf(parts: GgufParts): { bytes: Uint8Array; fields: Field[] } {
  const { metadata = [], tensors = [], alignment = 32 } = parts
  const out = new ByteWriter()
  out.bytes(new TextEncoder().encode('GGUF')).u32('version', parts.version ?? 3)
  out.u64('tensor count', parts.tensorCount ?? tensors.length).u64('metadata count', parts.pairCount ?? metadata.length)
  for (const [key, value] of metadata) writePair(out, key, value)
  let offset = 0
  for (const tensor of tensors) {
    out.text(`name of ${tensor.name}`, tensor.name).u32(`dimensions of ${tensor.name}`, tensor.dims.length)
    for (const dim of tensor.dims) out.u64(`shape of ${tensor.name}`, dim)
    out.u32(`type of ${tensor.name}`, tensor.type).u64(`offset of ${tensor.name}`, tensor.offset ?? offset)
    offset += Math.ceil(tensor.data.length / alignment) * alignment
  }
  for (const tensor of tensors) out.alignTo(alignment).bytes(tensor.data)
  return { bytes: out.result(), fields: out.fields }
}

function writePair(out: ByteWriter, key: string, value: Value): void {
  out.text(`key ${key}`, key).u32(`type of ${key}`, typeNumbers[value.type])
  if (value.type === 'string') out.text(key, value.value)
  else if (value.type !== 'array') writeScalar(out, key, value.type, value.value)
  else {
    out.u32(`element type of ${key}`, typeNumbers[value.of]).u64(`count of ${key}`, value.count ?? value.values.length)
    if (value.of === 'string') for (const item of value.values) out.text(key, item)
    else for (const item of value.values) writeScalar(out, key, value.of, item)
  }
}

function writeScalar(out: ByteWriter, name: string, type: ScalarType, value: number | bigint): void {
  switch (type) {
    case 'u8':
    case 'i8':
    case 'bool':
      out.u8(name, Number(value))
      break
    case 'u16':
    case 'i16':
      out.u16(name, Number(value))
      break
    case 'u32':
    case 'i32':
      out.u32(name, Number(value))
      break
    case 'f32':
      out.f32(name, Number(value))
      break
    case 'f64':
      out.f64(name, Number(value))
      break
    default:
      out.u64(name, value)
  }
}
