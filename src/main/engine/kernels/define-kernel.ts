/** One description per GPU operation: pipelines, parity tests, profiler and benchmarks all read it. */

export type ParamType = 'u32' | 'i32' | 'f32'
/** Type names become aliases (`act`, and `act4` for the vector of four), the rest become WGSL constants. */
export type ConstantValue = number | boolean | 'f32' | 'f16'
export type Shape = Readonly<Record<string, number>>

export interface Kernel {
  name: string
  source: string
  /** WGSL texts put before the source: weight formats, key/value formats, grid folding. */
  parts: readonly string[]
  /** Buffers in binding order with their element type and shape, e.g. 'f32[tokens, dim]'. */
  inputs: Readonly<Record<string, string>>
  outputs: Readonly<Record<string, string>>
  params: Readonly<Record<string, ParamType>>
  /** What a call's cost depends on beside parameters and constants; not uploaded, so it may change with every step. */
  measures: readonly string[]
  /** Constants the source needs; a call gives every one. */
  constants: readonly string[]
  /** Values each lane shares with the others at a time (vec4f, f32), as functions of the constants; null: no exchange. */
  exchange: ((constants: Shape) => { vectors: number; scalars: number }) | null
  /** Workgroups for a shape (parameters, measures and numeric constants by name); one number is folded at 65,535. */
  workgroups: (shape: Shape) => number | [number, number]
  /** Floating-point operations; a multiply-add is two. */
  flops: (shape: Shape) => number
  /** Bytes that must be read and written once. */
  bytes: (shape: Shape) => number
  /** The numbers that most of its operations are done in: which peak rate bounds it. */
  arithmetic: Arithmetic
}

export type Arithmetic = 'f32' | 'f16' | 'int8'

type Definition<I extends string, O extends string, P extends string, C extends string, M extends string> = {
  name: string
  source: string
  parts?: readonly string[]
  inputs: Record<I, string>
  outputs: Record<O, string>
  params: Record<P, ParamType>
  measures?: readonly M[]
  constants?: readonly C[]
  exchange?: Kernel['exchange']
  workgroups: Kernel['workgroups']
  flops: Kernel['flops']
  bytes: Kernel['bytes']
  /** f32 unless said: every kernel accumulates in it. */
  arithmetic?: Arithmetic
}

export interface TypedKernel<B extends string, P extends string, C extends string> extends Kernel {
  /** Never set: carries the names of bindings, values and constants for `Recorder.run`. */
  readonly names?: { bindings: B; values: P; constants: C }
}

export function defineKernel<
  I extends string,
  O extends string,
  P extends string,
  C extends string = never,
  M extends string = never,
>(definition: Definition<I, O, P, C, M>): TypedKernel<I | O, P | M, C> {
  return { parts: [], constants: [], measures: [], exchange: null, arithmetic: 'f32', ...definition }
}
