/** A model's hyperparameters in the words of each format. */
import { gguf, type GgufValue } from '../formats/gguf-types'
import type { WeightFile } from '../formats/weight-file'
import { MoruError } from '../../../shared/errors'
import type { Architecture, ModelConfig, RopeConfig } from '../models/config'
import { yarnMagnitude } from '../models/rope-config'
import { inverseFrequencies } from '../runtime/rope-angles'

/** Ids of a vocabulary that configurations name; null where there is none. */
export interface TokenIds {
  bosId: number | null
  eosId: number | null
  padId: number | null
}

/** Files of RoBERTa are BERT's to GGUF, and Mistral's are Llama's. */
function ggufArchitecture(architecture: Architecture): string {
  if (architecture === 'mistral') return 'llama'
  return architecture === 'roberta' || architecture === 'xlm-roberta' ? 'bert' : architecture
}

const layerNorms: ReadonlySet<Architecture> = new Set(['gpt2', 'bloom', 'bert', 'roberta', 'xlm-roberta', 'opt'])

/** The architecture's keys of GGUF metadata, general.architecture first. Keys: gguf-py's constants.py. */
export function ggufConfig(config: ModelConfig): Map<string, GgufValue> {
  const name = ggufArchitecture(config.architecture)
  const { rope, localRope, slidingWindow, headDim, hiddenDim, heads } = config
  const own: [string, GgufValue | null][] = [
    ['context_length', gguf.u32(config.contextLength)],
    ['embedding_length', gguf.u32(hiddenDim)],
    ['block_count', gguf.u32(config.layers)],
    ['feed_forward_length', gguf.u32(config.ffnDim)],
    ['attention.head_count', gguf.u32(heads)],
    ['attention.head_count_kv', gguf.u32(config.kvHeads)],
    ['attention.key_length', headDim * heads === hiddenDim ? null : gguf.u32(headDim)],
    ['attention.value_length', headDim * heads === hiddenDim ? null : gguf.u32(headDim)],
    [
      layerNorms.has(config.architecture) ? 'attention.layer_norm_epsilon' : 'attention.layer_norm_rms_epsilon',
      gguf.f32(config.normEps),
    ],
    ['attention.scale', scaleIsUsual(config) ? null : gguf.f32(1 / config.attentionScale)],
    ['attention.sliding_window', slidingWindow === null ? null : gguf.u32(slidingWindow)],
    ['attention.causal', name === 'bert' ? gguf.flag(false) : null],
    ['rope.freq_base', rope && gguf.f32(rope.theta)],
    ['rope.dimension_count', rope && gguf.u32(rope.dim)],
    ['rope.freq_base_swa', localRope && localRope.theta !== 10_000 ? gguf.f32(localRope.theta) : null],
    ...scalingKeys(rope),
    ['vocab_size', name === 'llama' ? gguf.u32(config.vocabSize) : null],
  ]
  const entries = own.flatMap(([key, value]) => (value ? [[`${name}.${key}`, value] as const] : []))
  demandImpliedWindows(config)
  if (config.scaledByLayer)
    throw new MoruError('unsupported', 'GGUF cannot say that the scores of this GPT-2 model are divided by the layer.')
  return new Map([['general.architecture', gguf.text(name)], ...entries])
}

function scalingKeys(rope: RopeConfig | null): [string, GgufValue | null][] {
  const scaling = rope?.scaling
  if (scaling?.kind !== 'linear' && scaling?.kind !== 'yarn') return []
  const own = (name: string, value: number, usual: number): [string, GgufValue | null] => [
    `rope.scaling.${name}`,
    Math.abs(value - usual) < 1e-6 ? null : gguf.f32(value),
  ]
  const keys: [string, GgufValue][] = [
    ['rope.scaling.type', gguf.text(scaling.kind)],
    ['rope.scaling.factor', gguf.f32(scaling.factor)],
  ]
  if (scaling.kind === 'linear') return keys
  if (!scaling.truncate) throw new MoruError('unsupported', 'GGUF cannot say that YaRN’s bounds are not rounded.')
  return [
    ...keys,
    ['rope.scaling.original_context_length', gguf.u32(scaling.originalContextLength)],
    own('attn_factor', scaling.attentionFactor / yarnMagnitude(scaling.factor), 1),
    own('yarn_beta_fast', scaling.betaFast, 32),
    own('yarn_beta_slow', scaling.betaSlow, 1),
  ]
}

const scaleIsUsual = ({ attentionScale, headDim, hiddenDim, heads, architecture, layers }: ModelConfig): boolean =>
  Math.abs(attentionScale - Math.sqrt(architecture === 'gemma3' && layers === 62 ? hiddenDim / heads : headDim)) < 1e-6

/** GGUF does not say which layers slide: every reader knows Gemma's pattern, and that all layers of others do. */
function demandImpliedWindows({ architecture, slidingWindow, slidingLayers }: ModelConfig): void {
  if (slidingWindow === null) return
  const implied = slidingLayers.every((slides, i) => slides === (architecture !== 'gemma3' || (i + 1) % 6 !== 0))
  if (implied) return
  throw new MoruError(
    'unsupported',
    `GGUF cannot say which layers of this ${architecture} model attend through a window.`,
  )
}

/** The divisor of each frequency, which GGUF keeps as rope_freqs.weight; null where frequencies are not scaled so. */
export function ropeFactors(rope: RopeConfig | null): Float32Array | null {
  if (rope?.scaling.kind === 'factors') return Float32Array.from(rope.scaling.factors)
  if (rope?.scaling.kind !== 'llama3') return null
  const scaled = inverseFrequencies(rope)
  const plain = inverseFrequencies({ ...rope, scaling: { kind: 'none' } })
  return Float32Array.from(plain, (frequency, i) => frequency / scaled[i])
}

const classes: Readonly<Record<Architecture, [type: string, class_: string]>> = {
  llama: ['llama', 'LlamaForCausalLM'],
  mistral: ['mistral', 'MistralForCausalLM'],
  qwen2: ['qwen2', 'Qwen2ForCausalLM'],
  qwen3: ['qwen3', 'Qwen3ForCausalLM'],
  gemma3: ['gemma3_text', 'Gemma3ForCausalLM'],
  opt: ['opt', 'OPTForCausalLM'],
  gpt2: ['gpt2', 'GPT2LMHeadModel'],
  bloom: ['bloom', 'BloomForCausalLM'],
  bert: ['bert', 'BertModel'],
  roberta: ['roberta', 'RobertaModel'],
  'xlm-roberta': ['xlm-roberta', 'XLMRobertaModel'],
}

/**
 * config.json as transformers 4 spells it, which version 5 reads too.
 * @param file tells which layers have biases
 * @throws MoruError unsupported for frequency factors that no rope type of transformers explains
 */
export function transformersConfig(
  config: ModelConfig,
  file: WeightFile,
  ids: TokenIds,
  dtype: string,
): Record<string, unknown> {
  // GGUF calls Mistral's models llama; a window tells them apart.
  const windowed = config.architecture === 'llama' && config.slidingWindow !== null
  const [modelType, className] = classes[windowed ? 'mistral' : config.architecture]
  return {
    architectures: [className],
    model_type: modelType,
    torch_dtype: dtype,
    vocab_size: config.vocabSize,
    bos_token_id: ids.bosId,
    eos_token_id: ids.eosId,
    pad_token_id: ids.padId,
    tie_word_embeddings: config.tieWordEmbeddings,
    ...ownFields(config, file),
  }
}

function ownFields(config: ModelConfig, file: WeightFile): Record<string, unknown> {
  switch (config.architecture) {
    case 'gpt2':
      return {
        n_embd: config.hiddenDim,
        n_layer: config.layers,
        n_head: config.heads,
        n_inner: config.ffnDim,
        n_positions: config.contextLength,
        layer_norm_epsilon: config.normEps,
        activation_function: 'gelu_new',
      }
    case 'bloom':
      return {
        hidden_size: config.hiddenDim,
        n_layer: config.layers,
        n_head: config.heads,
        seq_length: config.contextLength,
        layer_norm_epsilon: config.normEps,
        apply_residual_connection_post_layernorm: false,
      }
    case 'bert':
      return {
        ...sizes(config),
        max_position_embeddings: config.contextLength,
        layer_norm_eps: config.normEps,
        hidden_act: 'gelu',
        type_vocab_size: file.tensors.get('token_types.weight')?.shape[0] ?? 2,
      }
    default:
      return { ...sizes(config), ...rotaryFields(config, file) }
  }
}

const sizes = (config: ModelConfig): Record<string, unknown> => ({
  hidden_size: config.hiddenDim,
  intermediate_size: config.ffnDim,
  num_hidden_layers: config.layers,
  num_attention_heads: config.heads,
})

function rotaryFields(config: ModelConfig, file: WeightFile): Record<string, unknown> {
  const { architecture, rope, localRope, slidingWindow, slidingLayers } = config
  const gemma = architecture === 'gemma3'
  const bias = (part: string): boolean => file.tensors.has(`blk.0.${part}.bias`)
  return {
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    max_position_embeddings: config.contextLength,
    rms_norm_eps: config.normEps,
    [gemma ? 'hidden_activation' : 'hidden_act']: gemma ? 'gelu_pytorch_tanh' : 'silu',
    rope_theta: rope?.theta,
    rope_scaling: ropeScaling(config),
    ...(architecture === 'llama' && { attention_bias: bias('attn_output'), mlp_bias: bias('ffn_up') }),
    ...(architecture === 'qwen3' && { attention_bias: bias('attn_q') }),
    ...(slidingWindow !== null && { sliding_window: slidingWindow }),
    ...((architecture === 'qwen2' || architecture === 'qwen3') && {
      use_sliding_window: slidingWindow !== null,
      max_window_layers: 0,
    }),
    ...(gemma && {
      rope_local_base_freq: localRope?.theta,
      query_pre_attn_scalar: Math.round(config.attentionScale ** 2),
      sliding_window_pattern: 6,
      layer_types: slidingLayers.map((slides) => (slides ? 'sliding_attention' : 'full_attention')),
    }),
  }
}

function ropeScaling({ rope }: ModelConfig): Record<string, unknown> | null {
  const scaling = rope?.scaling
  if (!rope || !scaling || scaling.kind === 'none') return null
  if (scaling.kind === 'linear') return { rope_type: 'linear', type: 'linear', factor: scaling.factor }
  if (scaling.kind === 'yarn')
    return {
      rope_type: 'yarn',
      factor: scaling.factor,
      original_max_position_embeddings: scaling.originalContextLength,
      beta_fast: scaling.betaFast,
      beta_slow: scaling.betaSlow,
      truncate: scaling.truncate,
      attention_factor: scaling.attentionFactor,
    }
  const found = scaling.kind === 'llama3' ? scaling : explainFactors(rope, scaling.factors)
  return {
    rope_type: 'llama3',
    factor: found.factor,
    low_freq_factor: found.lowFreqFactor,
    high_freq_factor: found.highFreqFactor,
    original_max_position_embeddings: found.originalContextLength,
  }
}

type Llama3 = Extract<RopeConfig['scaling'], { kind: 'llama3' }>

/** Llama 3's published models scale by 8 or 32 from 8,192 tokens; other originals are tried as powers of two. */
function explainFactors(rope: RopeConfig, factors: number[]): Llama3 {
  const factor = Math.max(...factors)
  for (let power = 5; power <= 20; power++) {
    const scaling: Llama3 = {
      kind: 'llama3',
      factor,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalContextLength: 2 ** power,
    }
    const made = ropeFactors({ ...rope, scaling })
    if (made?.every((value, i) => Math.abs(value - factors[i]) <= 1e-5 * value)) return scaling
  }
  throw new MoruError(
    'unsupported',
    'rope_freqs.weight holds factors that no rope type of transformers gives. Keep the model as GGUF.',
  )
}

/** generation_config.json: what ends an answer above all. */
export function generationConfig(config: ModelConfig, ids: TokenIds): Record<string, unknown> {
  const ends = config.eosTokenIds.length > 0 ? config.eosTokenIds : ids.eosId === null ? [] : [ids.eosId]
  return {
    ...(ids.bosId !== null && { bos_token_id: ids.bosId }),
    ...(ends.length > 0 && { eos_token_id: ends.length === 1 ? ends[0] : ends }),
    ...(ids.padId !== null && { pad_token_id: ids.padId }),
  }
}
