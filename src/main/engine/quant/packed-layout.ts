/** How a matrix lies on the GPU: kernels/parts/weights*.wgsl read exactly this. */
import { MoruError } from '../../../shared/errors'
import { type TensorType } from '../formats/weight-file'
import { blockLayout, isQuantized } from './blocks/decomposition'

export const packedFormats = ['q4', 'q5', 'q8', 'f16', 'bf16', 'f32'] as const
export type PackedFormat = (typeof packedFormats)[number]

/** Bits of a code, without scales. */
export const codeBits: Readonly<Record<PackedFormat, number>> = { q4: 4, q5: 5, q8: 8, f16: 16, bf16: 16, f32: 32 }

/** Quantized formats: weight = scale * (code - offset) + minimum, scale and minimum by groups of inputs of a row. */
export interface PackedLayout {
  format: PackedFormat
  /** Inputs that share a scale: 16, or a multiple of 32. 32 for formats without scales. */
  group: number
  /** Taken from every code; 0 where there is a minimum. */
  offset: number
  minimum: boolean
  /** Scales and minima as f32, where their products do not fit f16 exactly; else f16. */
  wide: boolean
}

const plain = (format: PackedFormat): PackedLayout => ({ format, group: 32, offset: 0, minimum: false, wide: false })

/** Where code 0 stands for a negative weight and the block has no minimum of its own. */
const offsets: Partial<Record<TensorType, number>> = { q4_0: 8, q5_0: 16, q3_k: 4 }
const halfScales: ReadonlySet<TensorType> = new Set(['q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0', 'iq4_nl'])

/** The layout that holds a tensor type without loss. Throws unsupported for integer tensors. */
export function layoutOf(type: TensorType): PackedLayout {
  if (type === 'f16' || type === 'bf16' || type === 'f32') return plain(type)
  if (!isQuantized(type)) throw new MoruError('unsupported', `A tensor of type ${type} holds integers, not weights.`)
  const { groupSize, bits, affine } = blockLayout(type)
  const offset = offsets[type] ?? 0
  return { format: `q${bits}`, group: groupSize, offset, minimum: affine && offset === 0, wide: !halfScales.has(type) }
}

export const sameLayout = (a: PackedLayout, b: PackedLayout): boolean =>
  a.format === b.format && a.group === b.group && a.offset === b.offset && a.minimum === b.minimum && a.wide === b.wide

/** Steps of 32 inputs a row is padded to. */
export const stepsOf = (cols: number): number => Math.ceil(cols / 32)

export interface PackedBytes {
  weights: number
  scales: number
  highBits: number
}

/** Bytes of `rows` x `cols` weights for a device whose tiles are 4 * `lanes` rows, padding included. */
export function packedBytes(layout: PackedLayout, rows: number, cols: number, lanes: number): PackedBytes {
  const padded = Math.ceil(rows / (4 * lanes)) * 4 * lanes
  const steps = stepsOf(cols)
  const codes = layout.format === 'q5' ? 4 : codeBits[layout.format]
  const groups = Math.ceil((steps * 32) / layout.group)
  const quantized = layout.format.startsWith('q')
  return {
    weights: (padded * steps * 32 * codes) / 8,
    scales: quantized ? padded * groups * (layout.wide ? 4 : 2) * (layout.minimum ? 2 : 1) : 0,
    highBits: layout.format === 'q5' ? padded * steps * 4 : 0,
  }
}
