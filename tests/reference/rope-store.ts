import { flops } from './flops'

export interface RopeShape {
  heads: number
  kvHeads: number
  headDim: number
  /** Rotated dimensions; 0: none. */
  ropeDim: number
  queryScale: number
  eps: number
}

/** A head with each element divided by the root mean square and multiplied by its weight. */
function normalised(v: number[], w: ArrayLike<number>, eps: number): number[] {
  let sum = 0
  for (const e of v) {
    sum += e * e
    flops(2)
  }
  const scale = 1 / Math.sqrt(sum / v.length + eps)
  flops(3)
  return v.map((e, i) => {
    flops(2)
    return e * scale * w[i]
  })
}

/** Pairs (i, i + ropeDim / 2) turned by an angle; `angles` holds cosines, then sines. */
function rotated(v: number[], angles: number[], ropeDim: number): number[] {
  const half = ropeDim / 2
  return v.map((e, i) => {
    if (i >= ropeDim) return e
    flops(3)
    if (i < half) return e * angles[i] - v[i + half] * angles[half + i]
    return e * angles[i - half] + v[i - half] * angles[half + i - half]
  })
}

/**
 * f64 twin of rope_store for one token, qkv being its query heads, key heads and value heads. Norms are applied if given.
 * Returns the three parts: scaled queries, keys, values.
 */
export function ropeStore(
  qkv: number[],
  angles: number[],
  shape: RopeShape,
  norms?: { query: ArrayLike<number>; key: ArrayLike<number> },
): { queries: number[]; keys: number[]; values: number[] } {
  const { heads, kvHeads, headDim, ropeDim, queryScale, eps } = shape
  const head = (h: number) => qkv.slice(h * headDim, (h + 1) * headDim)
  const turn = (v: number[], w?: ArrayLike<number>) => rotated(w ? normalised(v, w, eps) : v, angles, ropeDim)
  const queries: number[] = []
  const keys: number[] = []
  for (let h = 0; h < heads; h++) {
    queries.push(...turn(head(h), norms?.query).map((e) => e * queryScale))
    flops(headDim)
  }
  for (let h = 0; h < kvHeads; h++) keys.push(...turn(head(heads + h), norms?.key))
  return { queries, keys, values: qkv.slice((heads + kvHeads) * headDim) }
}
