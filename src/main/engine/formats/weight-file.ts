/** What every format reader yields: named tensors with bounds already checked, and bytes on demand. */
import type { MetadataType } from './gguf-types'
import type { CodeLayout, QuantizedMatrix } from './quantized-matrix'

/** Element types Moru reads, by GGML's and safetensors' common lower-case names. */
export const tensorTypes = [
  'f32', 'f16', 'bf16',
  'q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0',
  'q2_k', 'q3_k', 'q4_k', 'q5_k', 'q6_k',
  'iq4_nl', 'iq4_xs',
  'i8', 'u8', 'i16', 'i32', 'i64',
] as const // prettier-ignore
export type TensorType = (typeof tensorTypes)[number]

/** Of tensors that are no weights: ids, masks. */
export const integerTypes: ReadonlySet<TensorType> = new Set(['i8', 'u8', 'i16', 'i32', 'i64'])

export interface TensorInfo {
  name: string
  /** Outermost first: a linear layer is [outputs, inputs]. GGUF's reversed order is undone by its reader. */
  shape: number[]
  type: TensorType
  sizeBytes: number
  /**
   * Set for a matrix that its checkpoint keeps as codes, scales and zeros apart (GPTQ, AWQ, bitsandbytes). Its name and shape
   * are then those of the weights that they stand for, `type` is that of the scales once expanded, `sizeBytes` is what all
   * its parts take in the file, and it is read by `readQuantized` alone.
   */
  quantized?: CodeLayout
}

/** Elements of a tensor of this shape; 1 of none. */
export const elementsOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1)

/** GGUF metadata values; arrays are typed arrays where the element type allows it. 64-bit integers beyond 2^53 are refused. */
export type MetadataValue = number | boolean | string | string[] | boolean[] | ArrayLike<number>

export interface WeightFile {
  format: 'gguf' | 'safetensors'
  /** Every file read: one, or the shards in order. Absolute paths. */
  paths: string[]
  sizeBytes: number
  tensors: ReadonlyMap<string, TensorInfo>
  /** GGUF key-value pairs, all shards' merged; empty for safetensors. */
  metadata: ReadonlyMap<string, MetadataValue>
  /** The types that the file gives those values. */
  metadataTypes?: ReadonlyMap<string, MetadataType>
  /** Bytes [offset, offset + length) of a tensor's data, into a new array of exactly `length` bytes. */
  read(name: string, offset: number, length: number): Promise<Uint8Array>
  /** A tensor that has `quantized`, checked; present where any tensor has. Throws invalid_file. */
  readQuantized?(name: string): Promise<QuantizedMatrix>
  close(): Promise<void>
}
