/** A matrix as integer codes and scales: what quantization methods make, checkpoint layouts store and the GPU is packed from. */
import { MoruError } from '../../../shared/errors'
import { codebooks, type Codebook } from './codebooks'

/** How a matrix's codes are to be read: what is known before its data is. */
export interface CodeLayout {
  /** 2 to 8 */
  bits: number
  /** Inputs that share a scale; all of them for one scale a row. Divides the row. */
  group: number
  /** Whether each group has a zero of its own. */
  affine: boolean
  /** Taken from every code where there is neither a zero nor a codebook: 8 for symmetric codes of 4 bits. */
  offset: number
  codebook: Codebook | null
  /** Whether inputs belong to groups in another order than their own (GPTQ's act-order). */
  ordered: boolean
  /**
   * Set where inputs are rounded to bytes too when it is multiplied (LLM.int8(), arXiv 2208.07339): the magnitude beyond which an
   * input is left as it is; Infinity: none is.
   */
  inputThreshold?: number
}

/** weight[r, c] = scale[r, g(c)] * (code[r, c] - zero[r, g(c)]), or scale[r, g(c)] * codebook[code[r, c]]. */
export interface QuantizedMatrix {
  rows: number
  cols: number
  /** 2 to 8 */
  bits: number
  /** [rows, cols], one code a byte, unsigned: signed int8 is stored with an offset of 128. */
  codes: Uint8Array
  /** Inputs that share a scale; cols for a whole row. Divides cols. */
  group: number
  /** [rows, cols / group] */
  scales: Float32Array
  /** [rows, cols / group], in codes and not necessarily whole; null where codes are symmetric or from a codebook. */
  zeros: Float32Array | null
  /** Zero of all codes where `zeros` is null and there is no codebook; 0 otherwise. */
  offset: number
  codebook: Codebook | null
  /** [cols]: group of each input where it is not floor(c / group) (GPTQ's g_idx), else null. */
  groupOf: Int32Array | null
  /** As in `CodeLayout`. */
  inputThreshold?: number
}

export function codeLayoutOf(matrix: QuantizedMatrix): CodeLayout {
  const { bits, group, zeros, offset, codebook, groupOf, inputThreshold } = matrix
  const layout: CodeLayout = { bits, group, affine: zeros !== null, offset, codebook, ordered: groupOf !== null }
  return inputThreshold === undefined ? layout : { ...layout, inputThreshold }
}

/**
 * Rows [first, first + count) as f32, row by row; by default all.
 * A weight is the f32 nearest to scale times the code's distance from its zero.
 */
export function dequantizeMatrix(matrix: QuantizedMatrix, first = 0, count = matrix.rows - first): Float32Array {
  const { cols, group, codes, scales, zeros, offset, groupOf } = matrix
  const groups = cols / group
  const values = matrix.codebook ? codebooks[matrix.codebook] : null
  const out = new Float32Array(count * cols)
  for (let r = 0; r < count; r++) {
    const row = (first + r) * cols
    for (let c = 0; c < cols; c++) {
      const g = (first + r) * groups + (groupOf ? groupOf[c] : Math.floor(c / group))
      const code = codes[row + c]
      out[r * cols + c] = scales[g] * (values ? values[code] : code - (zeros ? zeros[g] : offset))
    }
  }
  return out
}

/**
 * @throws MoruError invalid_file, naming the matrix and what is wrong: readers call it on what files say, so that nothing
 * later reads past an array or shows noise for weights
 */
export function checkQuantizedMatrix(matrix: QuantizedMatrix, name: string): void {
  const wrong = whatIsWrong(matrix)
  if (wrong) throw new MoruError('invalid_file', `${name}: ${wrong}`)
}

function whatIsWrong(matrix: QuantizedMatrix): string | null {
  const { rows, cols, bits, group, codes, scales, zeros, codebook } = matrix
  const whole = (n: number) => Number.isSafeInteger(n) && n > 0
  if (!whole(rows) || !whole(cols)) return `${rows} x ${cols} is no shape of a matrix.`
  if (!whole(bits) || bits < 2 || bits > 8) return `codes of ${bits} bits; Moru reads 2 to 8.`
  if (!whole(group) || cols % group !== 0) return `groups of ${group} do not divide its ${cols} inputs.`
  if (codebook && (bits !== 4 || zeros)) return `a ${codebook} matrix has 4-bit codes and no zeros.`
  const groups = (rows * cols) / group
  if (codes.length !== rows * cols) return `${codes.length} codes for ${rows} x ${cols} weights.`
  if (scales.length !== groups) return `${scales.length} scales for ${groups} groups of ${group}.`
  if (zeros && zeros.length !== groups) return `${zeros.length} zeros for ${groups} groups of ${group}.`
  return wrongValue(matrix) ?? wrongGroups(matrix)
}

function wrongValue({ cols, group, bits, codes, scales, zeros, offset }: QuantizedMatrix): string | null {
  const highest = 2 ** bits - 1
  const code = codes.findIndex((c) => c > highest)
  if (code >= 0) return `code ${codes[code]} in row ${Math.floor(code / cols)} is no code of ${bits} bits.`
  const row = (g: number) => Math.floor(g / (cols / group))
  const scale = scales.findIndex((s) => !Number.isFinite(s))
  if (scale >= 0) return `the scale of row ${row(scale)} is ${scales[scale]}.`
  const zero = zeros?.findIndex((z) => !Number.isFinite(z)) ?? -1
  if (zeros && zero >= 0) return `the zero of row ${row(zero)} is ${zeros[zero]}.`
  return Number.isFinite(offset) ? null : `its codes have the offset ${offset}.`
}

function wrongGroups({ cols, group, groupOf }: QuantizedMatrix): string | null {
  if (!groupOf) return null
  if (groupOf.length !== cols) return `groups of ${groupOf.length} inputs are given, but it has ${cols}.`
  const c = groupOf.findIndex((g) => g < 0 || g >= cols / group)
  return c < 0 ? null : `input ${c} belongs to group ${groupOf[c]}, and there are ${cols / group}.`
}
