/** NF4 and FP4: blocks of weights over their largest magnitude, each to the nearest of sixteen values (arXiv 2305.14314). */
import { codebooks, type Codebook } from '../formats/codebooks'
import { type QuantizedMatrix } from '../formats/quantized-matrix'
import { largestMagnitude } from './grid'
import { emptyMatrix, groupSize } from './groups'

export interface CodebookOptions {
  codebook: Codebook
  /** Inputs that share a scale: 64 in bitsandbytes' checkpoints. */
  block: number
}

interface Ladder {
  /** Codes from the least to the largest value. */
  codes: Uint8Array
  /** Midway between neighbours; a value above pivot i takes at least code i + 1 of the order. */
  pivots: Float32Array
}

const ladders: Readonly<Record<Codebook, Ladder>> = { nf4: ladderOf('nf4'), fp4: ladderOf('fp4') }

function ladderOf(codebook: Codebook): Ladder {
  const values = codebooks[codebook]
  // The codes of 0 and -0 stand for one value: the first of them is written.
  const codes = [...values.keys()]
    .sort((a, b) => values[a] - values[b] || a - b)
    .filter((c, i, all) => i === 0 || values[c] !== values[all[i - 1]])
  const pivots = codes.slice(1).map((c, i) => (values[c] + values[codes[i]]) / 2)
  return { codes: Uint8Array.from(codes), pivots: Float32Array.from(pivots) }
}

/** Scales are the blocks' largest magnitudes, f32. Throws invalid_input on a block that does not divide the row. */
export function quantizeToCodebook(
  weights: Float32Array,
  cols: number,
  { codebook, block }: CodebookOptions,
): QuantizedMatrix {
  const group = groupSize(block, cols)
  const matrix = emptyMatrix(weights.length, cols, { bits: 4, group, codebook })
  const { codes, pivots } = ladders[codebook]
  for (let g = 0, from = 0; from < weights.length; g++, from += group) {
    const scale = largestMagnitude(weights, from, from + group)
    matrix.scales[g] = scale
    // bitsandbytes multiplies by the inverse, in f32: the codes of weights at a pivot depend on it.
    const inverse = scale > 0 ? Math.fround(1 / scale) : 0
    for (let i = from; i < from + group; i++) matrix.codes[i] = codes[above(pivots, Math.fround(weights[i] * inverse))]
  }
  return matrix
}

/** How many of the pivots lie below x. */
function above(pivots: Float32Array, x: number): number {
  let low = 0
  let high = pivots.length
  while (low < high) {
    const mid = (low + high) >> 1
    if (x > pivots[mid]) low = mid + 1
    else high = mid
  }
  return low
}
