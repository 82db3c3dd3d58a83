/** Vectors on a plane: their first two principal components. */

const rounds = 50
const oneSliceRows = 500

/**
 * Principal components by power iteration with deflation, without the covariance matrix: X^T (X v). The same vectors give
 * the same picture: it starts from a fixed direction, and signs are fixed by the largest coordinate of each component.
 * Gives way to others every few hundred rows.
 * @param vectors f32[n, dim] @returns x and y of each, centred on 0.
 */
export async function projectToPlane(vectors: readonly Float32Array[]): Promise<{ x: number; y: number }[]> {
  if (vectors.length === 0) return []
  const dim = vectors[0].length
  const mean = new Float64Array(dim)
  for (const v of vectors) for (let i = 0; i < dim; i++) mean[i] += v[i] / vectors.length
  const first = await component(vectors, mean, null)
  const second = await component(vectors, mean, first)
  return vectors.map((v) => ({ x: along(v, mean, first), y: along(v, mean, second) }))
}

const along = (v: Float32Array, mean: Float64Array, direction: Float64Array): number => {
  let sum = 0
  for (let i = 0; i < v.length; i++) sum += (v[i] - mean[i]) * direction[i]
  return sum
}

async function component(
  vectors: readonly Float32Array[],
  mean: Float64Array,
  other: Float64Array | null,
): Promise<Float64Array> {
  // A fixed direction that no axis is at right angles to.
  let direction = new Float64Array(mean.length).map((_, i) => Math.cos(i + 1))
  normalize(direction, other)
  for (let round = 0; round < rounds; round++) {
    const next = new Float64Array(mean.length)
    for (let row = 0; row < vectors.length; row++) {
      if (row % oneSliceRows === oneSliceRows - 1) await new Promise((go) => setImmediate(go))
      const v = vectors[row]
      const length = along(v, mean, direction)
      for (let i = 0; i < next.length; i++) next[i] += length * (v[i] - mean[i])
    }
    if (!normalize(next, other)) break
    const turned = 1 - Math.abs(dot(next, direction))
    direction = next
    if (turned < 1e-10) break
  }
  const largest = direction.reduce((best, v) => (Math.abs(v) > Math.abs(best) ? v : best), 0)
  return largest < 0 ? direction.map((v) => -v) : direction
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, v, i) => sum + v * b[i], 0)

/** To length 1 and at right angles to `other`. @returns false when nothing is left. */
function normalize(v: Float64Array, other: Float64Array | null): boolean {
  if (other) {
    const shared = dot(v, other)
    for (let i = 0; i < v.length; i++) v[i] -= shared * other[i]
  }
  const length = Math.sqrt(dot(v, v))
  if (length < 1e-12) return false
  for (let i = 0; i < v.length; i++) v[i] /= length
  return true
}
