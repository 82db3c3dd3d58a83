/** f32 weights as the bytes of an element type. */
import { MoruError } from '../../../shared/errors'
import { bytesOf, halfBytes } from '../formats/number-bytes'
import type { TensorType } from '../formats/weight-file'
import { encodeBlocks } from '../quant/blocks/encode'

const encoders: Partial<Record<TensorType, (values: Float32Array) => Uint8Array>> = {
  f32: bytesOf,
  f16: halfBytes,
  bf16: roundToBf16,
  q8_0: (values) => encodeBlocks('q8_0', values, 32),
}

/** Types that `encodeWeights` can make. */
export const encodedTypes: readonly TensorType[] = Object.keys(encoders) as TensorType[]

/**
 * @param values whole rows
 * @throws MoruError invalid_input where a weight is too large for f16, unsupported for types without an encoder
 */
export function encodeWeights(type: TensorType, values: Float32Array, name: string): Uint8Array {
  const encode = encoders[type]
  if (!encode) throw new MoruError('unsupported', `${name}: Moru does not write ${type}.`)
  const tooLarge =
    type === 'f16' ? values.find((value) => Math.abs(value) >= 65_520 && Number.isFinite(value)) : undefined
  if (tooLarge === undefined) return encode(values)
  throw new MoruError('invalid_input', `${name} holds ${tooLarge}, which f16 cannot: choose bf16 or f32.`)
}

/** The upper half of each f32, rounded to nearest, ties to even; NaN stays NaN. */
function roundToBf16(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const rounded = Uint16Array.from(bits, (word) => {
    if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
  })
  return bytesOf(rounded)
}
