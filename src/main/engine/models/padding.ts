/**
 * Sizes as the kernels take them: heads of a multiple of 16 dimensions, feed-forward layers of a multiple of 4. Others get zeros
 * when weights are loaded, which change no score and no sum, and cost memory only.
 */
import { type RowSource } from '../layers/rows'
import { type ModelConfig } from './config'

type Heads = Pick<ModelConfig, 'headDim' | 'rope'>

const multiple = 16
const padded = (dim: number): number => Math.ceil(dim / multiple) * multiple

/** Rotated dimensions of a head with its padding: each half is padded by itself. */
export const paddedRopeDim = (ropeDim: number): number => padded(ropeDim)

/** Dimensions of a head with its padding: what cache, workspace and kernels count with. */
export function paddedHeadDim({ headDim, rope }: Heads): number {
  const ropeDim = rope?.dim ?? 0
  return padded(paddedRopeDim(ropeDim) + headDim - ropeDim)
}

/** Dimension of the file's head at dimension `i` of a padded query or key; null for zeros. */
function queryDimension({ headDim, rope }: Heads, i: number): number | null {
  const ropeDim = rope?.dim ?? 0
  const rotated = paddedRopeDim(ropeDim)
  if (i >= rotated) return i - rotated < headDim - ropeDim ? i - rotated + ropeDim : null
  const place = i % (rotated / 2)
  if (place >= ropeDim / 2) return null
  return i < rotated / 2 ? place : place + ropeDim / 2
}

const valueDimension = ({ headDim }: Heads, i: number): number | null => (i < headDim ? i : null)

/** `source`, the rows of `count` heads, with the zeros that pad them. */
export function paddedHeads(
  c: Heads,
  source: RowSource,
  count: number,
  kind: 'query' | 'value',
): RowSource & { rows: number } {
  const dim = paddedHeadDim(c)
  const fileRows = count * c.headDim
  const own = source.order
  if (dim === c.headDim) return { ...source, rows: fileRows, fileRows }
  const dimension = kind === 'query' ? queryDimension : valueDimension
  const order = (row: number): number | null => {
    const i = dimension(c, row % dim)
    if (i === null) return null
    const plain = Math.floor(row / dim) * c.headDim + i
    return own ? own(plain) : plain
  }
  return { ...source, rows: count * dim, fileRows, order }
}

/** The inputs of `source`, values of `count` heads one after the other, with the zeros that pad them. */
export function paddedInputs(c: Heads, source: RowSource, count: number): RowSource {
  const dim = paddedHeadDim(c)
  if (dim === c.headDim) return source
  const of = (col: number): number | null =>
    col % dim < c.headDim ? Math.floor(col / dim) * c.headDim + (col % dim) : null
  return { ...source, inputs: { count: count * c.headDim, of } }
}

/** Weights of a norm over padded heads: its mean of squares is over more dimensions than there are. */
export function paddedNorm(c: Heads, weights: Float32Array): Float32Array {
  const dim = paddedHeadDim(c)
  if (dim === c.headDim) return weights
  const share = Math.sqrt(c.headDim / dim)
  return Float32Array.from({ length: dim }, (_, i) => {
    const from = queryDimension(c, i)
    return from === null ? 0 : weights[from] * share
  })
}

/** The epsilon that belongs to paddedNorm. */
export const paddedNormEps = (c: Heads & { normEps: number }): number => (c.normEps * c.headDim) / paddedHeadDim(c)

/** Width of a feed-forward layer with its padding. */
export const paddedFfnDim = ({ ffnDim }: Pick<ModelConfig, 'ffnDim'>): number => Math.ceil(ffnDim / 4) * 4

const feedForwardRow = ({ ffnDim }: Pick<ModelConfig, 'ffnDim'>) => {
  return (i: number): number | null => (i < ffnDim ? i : null)
}

/** Rows of a layer into the feed-forward width, with the zeros that pad them: every activation function keeps 0. */
export function paddedFfnRows(c: Pick<ModelConfig, 'ffnDim'>, source: RowSource): RowSource {
  const rows = paddedFfnDim(c)
  const order = rows === c.ffnDim ? undefined : feedForwardRow(c)
  return { ...source, fileRows: c.ffnDim, rows, order }
}

/** Inputs of a layer out of the feed-forward width. */
export function paddedFfnInputs(c: Pick<ModelConfig, 'ffnDim'>, source: RowSource): RowSource {
  return paddedFfnDim(c) === c.ffnDim ? source : { ...source, inputs: { count: c.ffnDim, of: feedForwardRow(c) } }
}
