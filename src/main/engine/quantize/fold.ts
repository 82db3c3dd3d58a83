/** Where the scales of a matrix's inputs can be hidden: in the norm before it, or in the rows of the matrix that makes them. */
import { type WeightFile } from '../formats/weight-file'
import { type ModelConfig } from '../models/config'
import { isEncoder } from '../models/load-decoder'
import { type LinearRole } from './model-matrices'

export interface Fold {
  /** Roles of the matrices that read the inputs. */
  readers: readonly LinearRole[]
  /** A norm ('attn_norm'), or a matrix whose outputs they are. */
  source: { norm: string } | { rows: LinearRole }
  /** Scale of each input, where several share one; null: each its own. */
  shared: Int32Array | null
}

/**
 * The folds of a block that has these roles. A gated feed-forward layer multiplies `up` into its product, so that up's rows take
 * the scales of `down`; of value heads those of the output projection, shared by the query heads that read them. An encoder's norms come
 * after the sums, and the residual reads them too: they take none.
 */
export function foldsOf(config: ModelConfig, roles: ReadonlySet<LinearRole>): Fold[] {
  const present = (...wanted: LinearRole[]) => wanted.filter((role) => roles.has(role))
  const folds: Fold[] = []
  if (!isEncoder(config.architecture))
    folds.push(
      { readers: present('attn_q', 'attn_k', 'attn_v', 'attn_qkv'), source: { norm: 'attn_norm' }, shared: null },
      { readers: present('ffn_gate', 'ffn_up'), source: { norm: 'ffn_norm' }, shared: null },
    )
  if (roles.has('attn_v') && roles.has('attn_output'))
    folds.push({ readers: ['attn_output'], source: { rows: 'attn_v' }, shared: valueChannels(config) })
  const homogeneous = roles.has('ffn_gate') || config.activation === 'relu'
  if (roles.has('ffn_down') && roles.has('ffn_up') && homogeneous)
    folds.push({ readers: ['ffn_down'], source: { rows: 'ffn_up' }, shared: null })
  return folds.filter((fold) => fold.readers.length > 0)
}

function valueChannels({ heads, kvHeads, headDim }: ModelConfig): Int32Array | null {
  if (heads === kvHeads) return null
  const group = heads / kvHeads
  return Int32Array.from(
    { length: heads * headDim },
    (_, c) => Math.floor(Math.floor(c / headDim) / group) * headDim + (c % headDim),
  )
}

/** What a norm's stored weights lack of the factor they stand for: Gemma's safetensors hold w for 1 + w. */
export const normOffset = (config: ModelConfig, file: WeightFile): number =>
  config.architecture === 'gemma3' && file.format === 'safetensors' ? 1 : 0

/** Scales of the rows that produce the inputs, one a row. */
export function rowScales(scales: Float32Array, shared: Int32Array | null): Float32Array {
  if (!shared) return scales
  const rows = new Float32Array(Math.max(...shared) + 1)
  shared.forEach((row, c) => (rows[row] = scales[c]))
  return rows
}

/** Multiplies each input of weights [rows, scales.length]. */
export function scaleInputs(weights: Float32Array, scales: Float32Array): void {
  const cols = scales.length
  for (let i = 0; i < weights.length; i++) weights[i] *= scales[i % cols]
}
