/** The numbers that GGUF files write for types. Source: ggml.h (enum ggml_type) and gguf.h (enum gguf_type). */
import type { TensorType } from './weight-file'

/** Tensor types by their number in the file. */
export const ggmlTypes: ReadonlyMap<number, TensorType> = new Map([
  [0, 'f32'], [1, 'f16'], [2, 'q4_0'], [3, 'q4_1'], [6, 'q5_0'], [7, 'q5_1'], [8, 'q8_0'],
  [10, 'q2_k'], [11, 'q3_k'], [12, 'q4_k'], [13, 'q5_k'], [14, 'q6_k'], [20, 'iq4_nl'], [23, 'iq4_xs'],
  [24, 'i8'], [25, 'i16'], [26, 'i32'], [27, 'i64'], [30, 'bf16'],
]) // prettier-ignore

/** Types that GGML knows and Moru does not read, so that the message can name them. */
export const unreadGgmlTypes: ReadonlyMap<number, string> = new Map([
  [9, 'Q8_1'], [15, 'Q8_K'], [16, 'IQ2_XXS'], [17, 'IQ2_XS'], [18, 'IQ3_XXS'], [19, 'IQ1_S'], [21, 'IQ3_S'], [22, 'IQ2_S'],
  [28, 'F64'], [29, 'IQ1_M'], [34, 'TQ1_0'], [35, 'TQ2_0'], [39, 'MXFP4'], [40, 'NVFP4'],
]) // prettier-ignore

export type ValueType =
  'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'bool' | 'string' | 'array' | 'u64' | 'i64' | 'f64'

/** Metadata value types by their number in the file. */
export const valueTypes: readonly ValueType[] = [
  'u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'bool', 'string', 'array', 'u64', 'i64', 'f64',
] // prettier-ignore

/** Bytes of a value in the file; of a string or array, the least it can take. */
export const valueBytes: Readonly<Record<ValueType, number>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  bool: 1,
  string: 8,
  array: 12,
  u64: 8,
  i64: 8,
  f64: 8,
}

/** The type that a file gives a metadata value; of an array, that of its elements. */
export type MetadataType = Exclude<ValueType, 'array'> | { arrayOf: Exclude<ValueType, 'array'> }

/** Tensor types' numbers, for writing. */
export const ggmlNumbers: ReadonlyMap<TensorType, number> = new Map([...ggmlTypes].map(([id, type]) => [type, id]))

/** A metadata value with the type that the file gives it, which its value alone does not tell. */
export type GgufValue =
  | { type: 'string'; value: string }
  | { type: 'bool'; value: boolean }
  | { type: NumberType; value: number }
  | { type: 'array'; of: 'string'; value: readonly string[] }
  | { type: 'array'; of: 'bool'; value: readonly boolean[] }
  | { type: 'array'; of: NumberType; value: ArrayLike<number> }

export type NumberType = Exclude<ValueType, 'string' | 'bool' | 'array'>
export type GgufMetadata = ReadonlyMap<string, GgufValue>

/** Shorthands for the types that model metadata mostly has. */
export const gguf = {
  text: (value: string): GgufValue => ({ type: 'string', value }),
  flag: (value: boolean): GgufValue => ({ type: 'bool', value }),
  u32: (value: number): GgufValue => ({ type: 'u32', value }),
  f32: (value: number): GgufValue => ({ type: 'f32', value }),
  texts: (value: readonly string[]): GgufValue => ({ type: 'array', of: 'string', value }),
  numbers: (of: NumberType, value: ArrayLike<number>): GgufValue => ({ type: 'array', of, value }),
} as const
