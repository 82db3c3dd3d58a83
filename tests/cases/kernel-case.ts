/** A kernel's run with what must come out of it, and how far it may be off. */
import { type DeviceProfile } from '../../src/main/engine/device/profile'
import { type ConstantValue, type Kernel } from '../../src/main/engine/kernels/define-kernel'

export type ElementType = 'f32' | 'f16' | 'u32'
export type BufferData = Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>

export interface Expected {
  output: string
  type: ElementType
  /** Element i of `values` lies at first + i * stride of the output; default: 0 and 1. */
  first?: number
  stride?: number
  /** NaN must come out as NaN. */
  values: ArrayLike<number>
  /** Largest difference of each element, or of all. */
  allowed: ArrayLike<number> | number
  /** Brings an output whose order is not defined into one that is. */
  ordered?: (bytes: ArrayBuffer) => ArrayBuffer
}

export interface KernelRun {
  constants: Record<string, ConstantValue>
  values: Record<string, number>
  /** Every binding; outputs with what they hold before. */
  buffers: Record<string, BufferData>
  expected: Expected[]
}

/** This machine's device, and it made to look like lesser and larger ones. */
export const deviceNames = ['as it is', 'without subgroups', 'without shader-f16', '32 lanes'] as const
export type DeviceName = (typeof deviceNames)[number]

export interface KernelCase {
  kernel: Kernel
  name: string
  /** Why the differences that the case allows are what they are. */
  because: string
  /** Where it runs: compiling a shader takes long, so a variant that adds nothing to others is left out. */
  devices?: readonly DeviceName[]
  prepare: (profile: DeviceProfile) => KernelRun
}

/** Half the distance between neighbouring f32 numbers around 1. */
export const unit = 2 ** -24
/** Neighbouring f16 numbers around 1: WGSL lets a conversion round to either side. */
export const halfStep = 2 ** -10
/** The smallest normal f16: below it a device may write 0. */
export const halfTiny = 2 ** -14

/** f16 where the device has it. */
export const activationType = (profile: DeviceProfile): 'f32' | 'f16' => (profile.halfFloats ? 'f16' : 'f32')

export function typed(values: ArrayLike<number>, type: 'f32' | 'f16'): BufferData {
  return type === 'f16' ? Float16Array.from(values) : Float32Array.from(values)
}

/** Differences that storing `values` as `type` adds to those that computing them makes. */
export function stored(values: ArrayLike<number>, type: 'f32' | 'f16', computed: ArrayLike<number> | number): number[] {
  return Array.from(values, (v, i) => {
    const own = typeof computed === 'number' ? computed : computed[i]
    return own + Math.abs(v) * (type === 'f16' ? halfStep : unit) + (type === 'f16' ? halfTiny : 0)
  })
}
