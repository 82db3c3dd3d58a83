/** Quantizes the scales of a matrix to 8 bits each. */
import { type DoubleScales, dynamicCode } from '../formats/double-scales'
import { largestMagnitude } from './grid'

const block = 256

/** All scales of one tensor: their mean is taken off first, so it cannot be done by parts. */
export function quantizeScales(scales: Float32Array): DoubleScales {
  const offset = Math.fround(scales.reduce((sum, s) => sum + s, 0) / Math.max(scales.length, 1))
  const centred = scales.map((s) => s - offset)
  const code = dynamicCode()
  const absmax = new Float32Array(Math.ceil(scales.length / block))
  const codes = new Uint8Array(scales.length)
  for (let b = 0; b < absmax.length; b++) {
    const to = Math.min((b + 1) * block, scales.length)
    absmax[b] = largestMagnitude(centred, b * block, to)
    const inverse = absmax[b] > 0 ? Math.fround(1 / absmax[b]) : 0
    for (let i = b * block; i < to; i++) codes[i] = nearest(code, Math.fround(centred[i] * inverse))
  }
  return { codes, code, absmax, block, offset }
}

/** Index of the value of an ascending table that is nearest to x. */
function nearest(table: Float32Array, x: number): number {
  let low = 0
  let high = table.length - 1
  while (high - low > 1) {
    const mid = (low + high) >> 1
    if (table[mid] <= x) low = mid
    else high = mid
  }
  return x - table[low] <= table[high] - x ? low : high
}
