/** Numbers to try kernels with; the same seed gives the same numbers. */

/** Uniform in [0, 1): mulberry32. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export type Fill = (count: number, seed: number) => Float32Array<ArrayBuffer>

/** Normally distributed (Box and Muller) with this deviation. */
export const normal =
  (deviation = 1): Fill =>
  (count, seed) => {
    const next = random(seed)
    return Float32Array.from({ length: count }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - next()))
      return deviation * radius * Math.cos(2 * Math.PI * next())
    })
  }

/** Normal, but every 37th number twenty times as large, as in the activations of language models. */
export const outliers: Fill = (count, seed) => normal()(count, seed).map((v, i) => (i % 37 === 5 ? v * 20 : v))

export const constant =
  (value: number): Fill =>
  (count) =>
    new Float32Array(count).fill(value)

export const zeros = constant(0)

/** Normal around `offset`. */
export const shifted =
  (offset: number): Fill =>
  (count, seed) =>
    normal()(count, seed).map((v) => v + offset)
