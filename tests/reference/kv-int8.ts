/** f64 twin of the int8 cache: each half of a head by its largest magnitude, rounded to the nearest of 255 codes. */
export function quantizeHead(v: number[]): { codes: number[]; scales: [number, number] } {
  const half = v.length / 2
  const largest = (part: number[]) => Math.fround(part.reduce((most, e) => Math.max(most, Math.abs(e)), 0))
  const scales: [number, number] = [largest(v.slice(0, half)), largest(v.slice(half))]
  const codes = v.map((e, i) => {
    const scale = scales[i < half ? 0 : 1]
    return scale > 0 ? Math.floor(0.5 + (127 * e) / scale) : 0
  })
  return { codes, scales }
}
