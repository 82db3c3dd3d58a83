/** Values of 4-bit codes that are no evenly spaced grid, scaled to a largest magnitude of 1. */

export type Codebook = 'nf4' | 'fp4'

/** Quantiles of a normal distribution with an exact zero: Dettmers et al., arXiv 2305.14314, appendix E. */
const nf4 = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
] // prettier-ignore

/** A sign, two exponent bits and one of fraction, in bitsandbytes' order of codes (functional.py, get_4bit_type). */
const fp4Magnitudes = [0, 0.0625, 8, 12, 4, 6, 2, 3]

export const codebooks: Readonly<Record<Codebook, Float32Array>> = {
  nf4: Float32Array.from(nf4),
  fp4: Float32Array.from([...fp4Magnitudes, ...fp4Magnitudes.map((v) => -v)], (v) => v / 12),
}
