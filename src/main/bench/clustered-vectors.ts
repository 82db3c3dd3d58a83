/** Vectors as embeddings lie: around centres. Seeded, so that every run and every contender sees the same. */
import { seededRandom } from '../../shared/seeded-random'

export interface VectorSetOptions {
  count: number
  dim: number
  /** Centres are unit vectors drawn at random. */
  centres: number
  /** Length, in the mean, of what is added to a centre before the sum is normalised. */
  noise: number
  seed: number
}

/** @returns unit vectors f32[count, dim], row by row, and as many queries of the same kind as asked for. */
export function clusteredVectors({ count, dim, centres, noise, seed }: VectorSetOptions, queries: number) {
  const random = seededRandom(seed)
  const gaussian = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const unit = (row: Float32Array) => {
    const length = Math.hypot(...row)
    for (let i = 0; i < row.length; i++) row[i] /= length
    return row
  }
  const middle = Array.from({ length: centres }, () => unit(Float32Array.from({ length: dim }, gaussian)))
  const draw = (row: Float32Array) => {
    const centre = middle[Math.floor(random() * centres)]
    for (let i = 0; i < dim; i++) row[i] = centre[i] + (noise / Math.sqrt(dim)) * gaussian()
    return unit(row)
  }
  const rows = new Float32Array(count * dim)
  for (let i = 0; i < count; i++) draw(rows.subarray(i * dim, (i + 1) * dim))
  return { rows, queries: Array.from({ length: queries }, () => draw(new Float32Array(dim))) }
}
