/** Reads back what the sampling kernels found: arg max and log-sum-exp of each row, and its leading candidates. */
import { logitSlices, topKCapacity } from '../kernels/logits'
import { type Candidates } from './sampling'

/** Where slices, counts and candidates of `rows` rows lie in what is read back; the last two only if k > 1. */
export interface ReadbackLayout {
  countsAt: number
  candidatesAt: number
  bytes: number
}

export function readbackLayout(rows: number, k: number): ReadbackLayout {
  const countsAt = rows * logitSlices * 16
  const candidatesAt = countsAt + (k > 1 ? rows * 4 : 0)
  return { countsAt, candidatesAt, bytes: candidatesAt + (k > 1 ? rows * topKCapacity * 8 : 0) }
}

/** Arg max and log-sum-exp of a row from its slices (arXiv 1805.02867); not finite where a logit is not. */
export function joinSlices(slices: Float32Array): { id: number; logit: number; logSumExp: number } {
  const bits = new Uint32Array(slices.buffer, slices.byteOffset, slices.length)
  let best = 0
  for (let s = 0; s < slices.length; s += 4) if (slices[s] > slices[best]) best = s
  let sum = 0
  for (let s = 0; s < slices.length; s += 4) sum += slices[s + 2] * Math.exp(slices[s] - slices[best])
  return { id: bits[best + 1], logit: slices[best], logSumExp: slices[best] + Math.log(sum) }
}

/** The candidates of a row in descending order, ties by id; null when there were more than were kept. */
export function collected(
  bytes: ArrayBuffer,
  layout: ReadbackLayout,
  row: number,
  logSumExp: number,
): Candidates | null {
  const count = new Uint32Array(bytes, layout.countsAt + row * 4, 1)[0]
  if (count > topKCapacity) return null
  const pairs = new Uint32Array(bytes, layout.candidatesAt + row * topKCapacity * 8, count * 2)
  const logits = new Float32Array(pairs.buffer, pairs.byteOffset, pairs.length)
  const order = Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => logits[b * 2 + 1] - logits[a * 2 + 1] || pairs[a * 2] - pairs[b * 2],
  )
  return {
    ids: Uint32Array.from(order, (i) => pairs[i * 2]),
    logits: Float32Array.from(order, (i) => logits[i * 2 + 1]),
    logSumExp,
    complete: false,
  }
}

/** All logits of a row in descending order, ties by id. */
export function allOf(values: Float32Array, logSumExp: number): Candidates {
  const ids = new Uint32Array(values.length).map((_, i) => i).sort((a, b) => values[b] - values[a] || a - b)
  return { ids, logits: Float32Array.from(ids, (i) => values[i]), logSumExp, complete: true }
}
