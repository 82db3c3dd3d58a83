/** f64 twins of the quantization methods: one row at a time, as plain as the formulas. Weights as they read afterwards. */

const half = (x: number) => new Float16Array([x])[0]
const clamp = (x: number, most: number) => Math.min(Math.max(x, 0), most)

/** Nearest integer, ties to even. */
export function nearestInteger(x: number): number {
  const low = Math.floor(x)
  const fraction = x - low
  if (fraction === 0.5) return low % 2 === 0 ? low : low + 1
  return fraction < 0.5 ? low : low + 1
}

const groupsOf = (row: number[], group: number) =>
  Array.from({ length: row.length / group }, (_, g) => row.slice(g * group, (g + 1) * group))

/** Round to nearest with f16 scales. */
export function roundToNearest(row: number[], bits: number, group: number, symmetric: boolean): number[] {
  const most = 2 ** bits - 1
  return groupsOf(row, group).flatMap((w) => {
    const low = Math.min(0, ...w)
    const high = Math.max(0, ...w)
    const scale = half((symmetric ? 2 * Math.max(-low, high) : high - low) / most)
    if (scale === 0) return w.map(() => 0)
    const zero = symmetric ? 2 ** (bits - 1) : clamp(nearestInteger(-low / scale), most)
    return w.map((v) => scale * (clamp(nearestInteger(v / scale) + zero, most) - zero))
  })
}

/** int8 by the largest magnitude of all values given, f32 scale. */
export function absmaxInt8(values: number[]): number[] {
  const scale = Math.fround(Math.max(...values.map(Math.abs)) / 127)
  return scale === 0 ? values : values.map((v) => scale * nearestInteger(v / scale))
}

/** Largest magnitude times the nearest of a codebook's values, block by block. */
export function nearestOfCodebook(row: number[], codebook: number[], block: number): number[] {
  return groupsOf(row, block).flatMap((w) => {
    const largest = Math.max(...w.map(Math.abs))
    const nearest = (v: number) => codebook.reduce((a, b) => (Math.abs(v - b) < Math.abs(v - a) ? b : a))
    return w.map((v) => (largest === 0 ? 0 : largest * nearest(v / largest)))
  })
}

/** The zero that HQQ ends with for one group: twenty half-quadratic steps at p = 0.7, or fewer where the loss stops falling. */
export function hqqZero(w: number[], bits: number): { scale: number; zero: number } {
  const most = 2 ** bits - 1
  const low = Math.min(0, ...w)
  const scale = half((Math.max(0, ...w) - low) / most)
  let zero = clamp(nearestInteger(-low / scale), most)
  const codes = (z: number) => w.map((v) => clamp(nearestInteger(v / scale + z), most))
  const lost = (z: number) => codes(z).map((q, i) => w[i] - scale * (q - z))
  const norm = (z: number) => lost(z).reduce((sum, e) => sum + Math.abs(e) ** 0.7, 0)
  for (let step = 0, penalty = 10; step < 20; step++, penalty *= 1.01) {
    const outliers = lost(zero).map((e) =>
      e === 0 ? 0 : Math.sign(e) * Math.max(0, Math.abs(e) - Math.abs(e) ** -0.3 / penalty),
    )
    const fitted = codes(zero).reduce((sum, q, i) => sum + q - (w[i] - outliers[i]) / scale, 0) / w.length
    if (norm(half(fitted)) >= norm(zero)) break
    zero = half(fitted)
  }
  return { scale, zero }
}
