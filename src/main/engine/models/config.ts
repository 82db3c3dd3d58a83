/** A decoder's or encoder's hyperparameters, the same whether they came from GGUF metadata or config.json. */

export type Architecture =
  'llama' | 'mistral' | 'qwen2' | 'qwen3' | 'gemma3' | 'opt' | 'gpt2' | 'bloom' | 'bert' | 'roberta' | 'xlm-roberta'

export interface RopeConfig {
  theta: number
  /** Rotated dimensions of a head; headDim unless partial. */
  dim: number
  /**
   * Frequency scaling. llama3: arXiv 2407.21783 and transformers' `llama3` rope type. `factors`: per-frequency divisors
   * as GGUF's rope_freqs.weight holds them. Dynamic scaling begins past the model's context and counts as none.
   */
  scaling:
    | { kind: 'none' }
    | { kind: 'linear'; factor: number }
    | { kind: 'llama3'; factor: number; lowFreqFactor: number; highFreqFactor: number; originalContextLength: number }
    | { kind: 'factors'; factors: number[] }
    | YarnScaling
}

/** YaRN (arXiv 2309.00071): slow frequencies are interpolated, quick ones kept, and all angles' cosines and sines multiplied. */
export interface YarnScaling {
  kind: 'yarn'
  factor: number
  originalContextLength: number
  /** Rotations within the original context above and below which a frequency is kept or interpolated. */
  betaFast: number
  betaSlow: number
  /** Whether the bounds between the two are rounded to whole dimensions. */
  truncate: boolean
  attentionFactor: number
}

export interface ModelConfig {
  architecture: Architecture
  vocabSize: number
  layers: number
  hiddenDim: number
  ffnDim: number
  heads: number
  kvHeads: number
  headDim: number
  /** Longest context the model was made for, in tokens. */
  contextLength: number
  normEps: number
  activation: 'silu' | 'gelu' | 'gelu_tanh' | 'relu'
  /** null: learned positions or ALiBi. */
  rope: RopeConfig | null
  /** Gemma 3: theta of the sliding-window layers. */
  localRope: RopeConfig | null
  /** Tokens a query sees, itself included; null: all. */
  slidingWindow: number | null
  /** For each layer whether it attends through the sliding window. */
  slidingLayers: boolean[]
  /** Divides the scores; usually sqrt(headDim). */
  attentionScale: number
  /** Scores of layer n are divided by n + 1 besides (some GPT-2 checkpoints). */
  scaledByLayer?: boolean
  tieWordEmbeddings: boolean
  /** Ids that end generation, as the files name them (generation_config.json first); may be empty. */
  eosTokenIds: number[]
}
