/** Rows of projections that GGUF keeps in another order than transformers: each function gives, for a row of one, the row of the other. */
import { type ModelConfig } from './config'

type RowOrder = (row: number) => number

/** Whether GGUF keeps queries and keys for interleaved rotation; transformers, and Moru's kernels, rotate split halves. */
export const interleavedInGguf = ({ architecture }: Pick<ModelConfig, 'architecture'>): boolean =>
  architecture === 'llama' || architecture === 'mistral'

/** A head's rows from its two halves in turn: 0, half, 1, half + 1, ... */
export const interleave =
  (headDim: number): RowOrder =>
  (row) => {
    const at = row % headDim
    return row - at + (at >> 1) + (at % 2) * (headDim / 2)
  }

/** The way back: even rows, then odd ones. */
export const splitHalves =
  (headDim: number): RowOrder =>
  (row) => {
    const at = row % headDim
    return row - at + 2 * (at % (headDim / 2)) + (at < headDim / 2 ? 0 : 1)
  }

/** BLOOM's [head][query, key, value][headDim], as its checkpoints have it, as [query, key, value][head][headDim]. */
export const byPart =
  ({ hiddenDim, headDim }: ModelConfig): RowOrder =>
  (row) => {
    const head = Math.floor((row % hiddenDim) / headDim)
    return (head * 3 + Math.floor(row / hiddenDim)) * headDim + (row % headDim)
  }

/** The way back. */
export const byHead =
  ({ hiddenDim, headDim }: ModelConfig): RowOrder =>
  (row) => {
    const block = Math.floor(row / headDim)
    return (block % 3) * hiddenDim + Math.floor(block / 3) * headDim + (row % headDim)
  }
