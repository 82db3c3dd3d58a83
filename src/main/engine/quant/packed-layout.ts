/** How a matrix lies on the GPU: kernels/parts/weights*.wgsl read exactly this. */
import { MoruError } from '../../../shared/errors'
import { type CodeLayout } from '../formats/quantized-matrix'
import { type TensorInfo, type TensorType } from '../formats/weight-file'
import { blockLayout, isQuantized } from './blocks/decomposition'

export const packedFormats = ['q2', 'q3', 'q4', 'q5', 'q6', 'q8', 'nf4', 'fp4', 'f16', 'bf16', 'f32'] as const
export type PackedFormat = (typeof packedFormats)[number]

/** Bits of a code by the array they lie in: lower ones with the weights, the rest in a plane of their own. */
const planes: Readonly<Record<PackedFormat, { weights: number; highBits: number }>> = {
  q2: { weights: 2, highBits: 0 },
  q3: { weights: 2, highBits: 1 },
  q4: { weights: 4, highBits: 0 },
  q5: { weights: 4, highBits: 1 },
  q6: { weights: 4, highBits: 2 },
  q8: { weights: 8, highBits: 0 },
  nf4: { weights: 4, highBits: 0 },
  fp4: { weights: 4, highBits: 0 },
  f16: { weights: 16, highBits: 0 },
  bf16: { weights: 16, highBits: 0 },
  f32: { weights: 32, highBits: 0 },
}

/** Bits of a code, without scales. */
export const codeBits = (format: PackedFormat): number => planes[format].weights + planes[format].highBits

/** Formats whose codes stand for weights only together with scales. */
export const isScaled = (format: PackedFormat): boolean => format !== 'f16' && format !== 'bf16' && format !== 'f32'

/**
 * Scaled formats: weight = scale * (value(code) - offset) + minimum, scale and minimum by groups of inputs of a row; value is
 * the code itself or, in nf4 and fp4, its entry in the codebook.
 */
export interface PackedLayout {
  format: PackedFormat
  /** Inputs that share a scale: 16, or a multiple of 32. 32 for formats without scales. */
  group: number
  /** Taken from every code; 0 where groups have a minimum or zero of their own. */
  offset: number
  /** Groups have a second number beside their scale. */
  minimum: boolean
  /**
   * That number is a zero z, in codes, and the minimum is -scale * z. Whole zeros are exact in f16 where the product with an f16
   * scale is not: so GPTQ's and AWQ's groups need no more than Q4_1's.
   */
  zero: boolean
  /** Scales and minima as f32, where they do not fit f16 exactly; else f16. */
  wide: boolean
  /** Inputs are rounded to bytes, but for those of a larger magnitude (LLM.int8()); undefined: they are read as they are. */
  inputThreshold?: number
}

const plain = (format: PackedFormat): PackedLayout => ({
  format,
  group: 32,
  offset: 0,
  minimum: false,
  zero: false,
  wide: false,
})

/** Where code 0 stands for a negative weight and the block has no minimum of its own. */
const offsets: Partial<Record<TensorType, number>> = { q4_0: 8, q5_0: 16, q3_k: 4 }
const halfScales: ReadonlySet<TensorType> = new Set(['q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0', 'iq4_nl'])

/** The layout that holds a tensor type without loss. Throws unsupported for integer tensors. */
export function layoutOf(type: TensorType): PackedLayout {
  if (type === 'f16' || type === 'bf16' || type === 'f32') return plain(type)
  if (!isQuantized(type)) throw new MoruError('unsupported', `A tensor of type ${type} holds integers, not weights.`)
  const { groupSize, bits, affine } = blockLayout(type)
  const offset = offsets[type] ?? 0
  const minimum = affine && offset === 0
  return { format: `q${bits}`, group: groupSize, offset, minimum, zero: false, wide: !halfScales.has(type) }
}

const formatOfBits: Readonly<Record<number, PackedFormat>> = { 2: 'q2', 3: 'q3', 4: 'q4', 5: 'q5', 6: 'q6', 7: 'q8', 8: 'q8' } // prettier-ignore

/** What is taken from codes of a matrix before they are packed: q8 holds signed bytes. */
export const codeShift = ({ bits }: Pick<CodeLayout, 'bits'>): number => (bits > 6 ? 2 ** (bits - 1) : 0)

/**
 * The layout that holds a matrix of codes without loss; `type` is that of its scales and zeros. Groups that no kernel reads
 * become f32 weights.
 */
export function layoutOfCodes(codes: CodeLayout, type: TensorType, cols: number): PackedLayout {
  const { group, affine, codebook } = codes
  if (group !== cols && group !== 16 && group % 32 !== 0) return plain('f32')
  const format = codebook ?? formatOfBits[codes.bits]
  const offset = codebook ? 0 : codes.offset - codeShift(codes)
  // Kernels know offsets that are whole and not negative; any other is a zero that all groups share.
  const zero = affine || offset < 0 || !Number.isInteger(offset)
  const products =
    format === 'q8' &&
    !zero &&
    offset === 0 &&
    (group === cols || group % 32 === 0) &&
    codes.inputThreshold !== undefined
  return {
    format,
    group: group === cols ? stepsOf(cols) * 32 : group,
    offset: zero ? 0 : offset,
    minimum: zero,
    zero,
    wide: type !== 'f16',
    ...(products && { inputThreshold: codes.inputThreshold }),
  }
}

/** The layout of any matrix of a file. Throws unsupported for integer tensors. */
export const layoutOfTensor = ({ type, quantized, shape }: TensorInfo): PackedLayout =>
  quantized ? layoutOfCodes(quantized, type, shape[1]) : layoutOf(type)

export const sameLayout = (a: PackedLayout, b: PackedLayout): boolean =>
  a.format === b.format &&
  a.group === b.group &&
  a.offset === b.offset &&
  a.minimum === b.minimum &&
  a.zero === b.zero &&
  a.wide === b.wide &&
  a.inputThreshold === b.inputThreshold

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
  const { weights, highBits } = planes[layout.format]
  const groups = Math.ceil((steps * 32) / layout.group)
  return {
    weights: padded * steps * 4 * weights,
    scales: isScaled(layout.format) ? padded * groups * (layout.wide ? 4 : 2) * (layout.minimum ? 2 : 1) : 0,
    highBits: padded * steps * 4 * highBits,
  }
}
