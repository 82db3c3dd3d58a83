/** What people call the mix of types in a model's weights: 'Q4_K_M', 'BF16'. */
import { type TensorInfo } from '../engine'

/** GGUF's general.file_type, as llama.h's llama_ftype numbers it. */
const fileTypes: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  7: 'Q8_0',
  8: 'Q5_0',
  9: 'Q5_1',
  10: 'Q2_K',
  11: 'Q3_K_S',
  12: 'Q3_K_M',
  13: 'Q3_K_L',
  14: 'Q4_K_S',
  15: 'Q4_K_M',
  16: 'Q5_K_S',
  17: 'Q5_K_M',
  18: 'Q6_K',
  21: 'Q2_K_S',
  25: 'IQ4_NL',
  30: 'IQ4_XS',
  32: 'BF16',
}

/**
 * The stated file type where the tensors bear it out, else the type that most weights have; 'NF4' or '4-bit' where a checkpoint
 * keeps matrices as codes, though the embedding, which stays as it was, may be larger than all of them.
 */
export function quantizationLabel(tensors: TensorInfo[], fileType: unknown): string {
  const elements = new Map<string, number>()
  const coded = tensors.filter(({ quantized }) => quantized)
  for (const { shape, type, quantized } of coded.length > 0 ? coded : tensors) {
    const count = shape.reduce((product, length) => product * length, 1)
    const kind = quantized ? (quantized.codebook ?? `${quantized.bits}-bit`) : type
    elements.set(kind, (elements.get(kind) ?? 0) + count)
  }
  const stated = typeof fileType === 'number' ? fileTypes[fileType] : undefined
  const base = stated?.replace(/^(Q\d_K)_[SML]$/, '$1').toLowerCase()
  if (stated && base && elements.has(base)) return stated
  const [dominant] = [...elements].sort((a, b) => b[1] - a[1])
  if (!dominant) return ''
  return dominant[0].endsWith('-bit') ? dominant[0] : dominant[0].toUpperCase()
}
