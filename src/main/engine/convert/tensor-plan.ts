/** How each tensor of a model is named and laid out in the other of the two formats. */
import { MoruError } from '../../../shared/errors'
import type { TensorInfo, WeightFile } from '../formats/weight-file'
import type { ModelConfig } from '../models/config'
import { byHead, byPart, interleave, splitHalves } from '../models/row-order'
import { type NamedTensor, namedTensors, transformersName } from '../models/tensor-names'

/** A tensor of the source and what becomes of it. */
export interface PlannedTensor {
  source: TensorInfo
  /** GGUF's name; null where the architecture has no use for the tensor. */
  canonical: string | null
  /** The name and shape it will have. */
  name: string
  shape: number[]
  /** The source's row for a row of the target; default: the same. */
  order?: (row: number) => number
  /** Rows and columns change places. */
  transposed?: boolean
  /** Added to every element. */
  plus?: number
}

export type Format = WeightFile['format']

/**
 * The tensors of `file` as `target` keeps them: names, rows of queries and keys permuted for GGUF's interleaved rotation, GPT-2's
 * matrices transposed, BLOOM's heads regrouped, Gemma's norms with or without their one, RoBERTa's unused positions left out.
 * Where the format stays the same, so does everything.
 * @throws MoruError unsupported where the target has no such model
 */
export function planTensors(file: WeightFile, config: ModelConfig, target: Format): PlannedTensor[] {
  if (file.format === target) return unchanged(file, config)
  if (target === 'gguf') demandGguf(config)
  const tied = config.tieWordEmbeddings
  return namedTensors(file, config)
    .filter(({ canonical }) => !(tied && canonical.startsWith('output.')) && !skipped(canonical, file, config))
    .map((tensor) => plan(tensor, config, target))
}

function unchanged(file: WeightFile, config: ModelConfig): PlannedTensor[] {
  const known = new Map(namedTensors(file, config).map(({ canonical, info }) => [info.name, canonical]))
  return [...file.tensors.values()].map((source) => {
    const { name, shape } = source
    return { source, canonical: known.get(name) ?? null, name, shape }
  })
}

function demandGguf({ architecture }: ModelConfig): void {
  if (architecture !== 'opt') return
  throw new MoruError(
    'unsupported',
    'GGUF has no OPT models: llama.cpp does not know them. Keep the model as safetensors.',
  )
}

/** Pooling layers and classifiers of encoders are no part of GGUF's embedding models. */
function skipped(canonical: string, file: WeightFile, config: ModelConfig): boolean {
  if (!canonical.startsWith('cls.')) return false
  if (canonical.startsWith('cls.output') && file.format === 'safetensors') {
    throw new MoruError(
      'unsupported',
      `A ${config.architecture} model with a classifier cannot be kept as GGUF yet. Keep it as safetensors.`,
    )
  }
  return true
}

function plan({ canonical, info }: NamedTensor, config: ModelConfig, target: Format): PlannedTensor {
  const name = target === 'gguf' ? canonical : transformersName(config.architecture, canonical)
  const same = { source: info, canonical, name, shape: info.shape }
  const changed = { ...same, ...change(canonical, info, config, target) }
  return changed.transposed ? { ...changed, shape: info.shape.toReversed() } : changed
}

function change(
  canonical: string,
  info: TensorInfo,
  config: ModelConfig,
  target: Format,
): Partial<Pick<PlannedTensor, 'shape' | 'order' | 'transposed' | 'plus'>> {
  const { architecture, headDim } = config
  const part = canonical.replace(/^blk\.\d+\./, '')
  switch (architecture) {
    case 'llama':
    case 'mistral':
      if (/^attn_[qk]\./.test(part)) return { order: target === 'gguf' ? interleave(headDim) : splitHalves(headDim) }
      break
    case 'gemma3':
      if (part.includes('norm')) return { plus: target === 'gguf' ? 1 : -1 }
      break
    case 'gpt2':
      if (/^(attn_qkv|attn_output|ffn_up|ffn_down)\.weight$/.test(part)) return { transposed: true }
      break
    case 'bloom':
      if (part.startsWith('attn_qkv.')) return { order: target === 'gguf' ? byPart(config) : byHead(config) }
      break
    case 'roberta':
    case 'xlm-roberta':
      if (part === 'position_embd.weight') return withoutFirst(info.shape, info.shape[0] - config.contextLength)
  }
  return {}
}

function withoutFirst(shape: number[], count: number): Pick<PlannedTensor, 'shape' | 'order'> {
  return { shape: [shape[0] - count, ...shape.slice(1)], order: (row) => row + count }
}
