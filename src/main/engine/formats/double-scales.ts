/** Scales that are themselves quantized, as bitsandbytes keeps them (nested quantization, arXiv 2305.14314, section 3). */

/** scale[i] = code[codes[i]] * absmax[floor(i / block)] + offset, in f32. */
export interface DoubleScales {
  codes: Uint8Array
  /** Values of the 256 codes, ascending. */
  code: Float32Array
  absmax: Float32Array
  /** Scales that share a largest magnitude: 256. */
  block: number
  offset: number
}

export function expandScales({ codes, code, absmax, block, offset }: DoubleScales): Float32Array {
  const shift = Math.fround(offset)
  return Float32Array.from(codes, (c, i) => Math.fround(code[c] * absmax[Math.floor(i / block)]) + shift)
}

/**
 * bitsandbytes' signed dynamic data type: for each power of ten from 1e-6 to 1 as many evenly spaced values as its code has
 * bits left for a fraction, and both signs of each (functional.py, create_dynamic_map; Dettmers, arXiv 1511.04561).
 */
export function dynamicCode(): Float32Array {
  const values = [0, 1]
  for (let exponent = 0; exponent < 7; exponent++) {
    const steps = 2 ** exponent
    const size = 10 ** (exponent - 6)
    const boundary = (i: number) => Math.fround(0.1 + (0.9 * i) / steps)
    for (let i = 0; i < steps; i++) {
      const mean = Math.fround((boundary(i) + boundary(i + 1)) / 2) * size
      values.push(mean, -mean)
    }
  }
  return Float32Array.from(values).sort()
}
