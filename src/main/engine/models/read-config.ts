/** Reads a transformers config.json, in the spellings of versions 4 and 5. */
import type { Architecture, ModelConfig } from './config'
import { bounds, ConfigValues, isObject, show } from './config-values'
import { checkConfig } from './check-config'
import { readGemmaRopes, readRope } from './rope-config'

/** What differs between architectures once sizes are read. */
type Rest = Omit<ModelConfig, 'architecture' | 'vocabSize' | 'layers' | 'hiddenDim' | 'heads' | 'eosTokenIds'>
interface Sizes {
  hiddenDim: number
  heads: number
  layers: number
}

const modelTypes: Readonly<Record<string, Architecture>> = {
  llama: 'llama',
  mistral: 'mistral',
  qwen2: 'qwen2',
  qwen3: 'qwen3',
  gemma3: 'gemma3',
  gemma3_text: 'gemma3',
  opt: 'opt',
  gpt2: 'gpt2',
  bloom: 'bloom',
  bert: 'bert',
  roberta: 'roberta',
  'xlm-roberta': 'xlm-roberta',
}

const activations: Readonly<Record<string, ModelConfig['activation']>> = {
  silu: 'silu',
  swish: 'silu',
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  relu: 'relu',
}

/** What the library takes where a config says nothing. */
const usualContexts: Partial<Record<Architecture, number>> = {
  llama: 2048,
  mistral: 131_072,
  qwen2: 32_768,
  qwen3: 32_768,
}
const usualWindow = 4096

/**
 * @param json config.json, parsed
 * @param generationConfig generation_config.json, parsed, where there is one: it names the ids that end generation
 * @throws MoruError invalid_file naming the key, or unsupported for architectures and variants without an implementation
 */
export function readTransformersConfig(json: unknown, generationConfig?: unknown): ModelConfig {
  const outer = objectValues('config.json', json)
  const architecture = readArchitecture(outer)
  // Multimodal checkpoints keep the language model's config in a section of its own.
  const values = outer.section('text_config') ?? outer
  const hiddenDim = values.integer(['hidden_size', 'n_embd', 'n_embed'], bounds.hiddenDim)
  const gemma = architecture === 'gemma3'
  const heads = values.integer(['num_attention_heads', 'n_head'], bounds.heads, gemma ? 8 : undefined)
  const layers = values.integer(['num_hidden_layers', 'n_layer'], bounds.layers)
  // Gemma 3's multimodal configs leave out what equals the library's defaults.
  const vocabSize = values.integer(['vocab_size'], bounds.vocabSize, gemma ? 262_208 : undefined)
  const rest = readRest(architecture, values, { hiddenDim, heads, layers })
  const eosTokenIds = readEnds([outer, values], vocabSize, generationConfig)
  return checkConfig(values, { architecture, vocabSize, layers, hiddenDim, heads, ...rest, eosTokenIds })
}

function objectValues(origin: string, json: unknown): ConfigValues {
  const object = isObject(json) ? json : null
  const values = new ConfigValues(origin, (key) => (object && Object.hasOwn(object, key) ? object[key] : undefined))
  if (object) return values
  throw values.fault('the text', 'is not an object')
}

function readArchitecture(values: ConfigValues): Architecture {
  const type = values.get('model_type')
  if (typeof type !== 'string') throw values.fault('model_type', 'is missing')
  if (Object.hasOwn(modelTypes, type)) return modelTypes[type]
  const known = Object.keys(modelTypes).join(', ')
  throw values.unsupported('model_type', `is ${show(type)}, an architecture that Moru does not have (it has ${known})`)
}

function readRest(architecture: Architecture, values: ConfigValues, sizes: Sizes): Rest {
  switch (architecture) {
    case 'llama':
    case 'mistral':
    case 'qwen2':
    case 'qwen3':
      return readLlamaLike(architecture, values, sizes)
    case 'gemma3':
      return readGemma(values, sizes)
    case 'opt':
      return readOpt(values, sizes)
    case 'gpt2':
      return readGpt2(values, sizes)
    case 'bloom':
      return readBloom(values, sizes)
    case 'bert':
    case 'roberta':
    case 'xlm-roberta':
      return readBert(architecture, values, sizes)
  }
}

function readLlamaLike(architecture: Architecture, values: ConfigValues, sizes: Sizes): Rest {
  const headDim = values.integer(
    ['head_dim'],
    bounds.headDim,
    architecture === 'qwen3' ? 128 : sizes.hiddenDim / sizes.heads,
  )
  return {
    ...readWindows(architecture, values, sizes.layers),
    ffnDim: values.integer(['intermediate_size'], bounds.ffnDim),
    kvHeads: values.integer(['num_key_value_heads'], bounds.heads, sizes.heads),
    headDim,
    contextLength: values.integer(['max_position_embeddings'], bounds.tokens, usualContexts[architecture]),
    normEps: values.number(['rms_norm_eps'], bounds.normEps, 1e-6),
    activation: readActivation(values, 'hidden_act', 'silu'),
    rope: readRope(values, headDim),
    localRope: null,
    attentionScale: Math.sqrt(headDim),
    tieWordEmbeddings: values.flag('tie_word_embeddings', false),
  }
}

function readGemma(values: ConfigValues, sizes: Sizes): Rest {
  for (const key of ['attn_logit_softcapping', 'final_logit_softcapping']) {
    values.demand(key, null, 'soft-capped logits are not implemented')
  }
  values.demand('use_bidirectional_attention', false, 'bidirectional Gemma is not implemented')
  const headDim = values.integer(['head_dim'], bounds.headDim, 256)
  return {
    ...readWindows('gemma3', values, sizes.layers),
    ffnDim: values.integer(['intermediate_size'], bounds.ffnDim),
    kvHeads: values.integer(['num_key_value_heads'], bounds.heads, 4),
    headDim,
    contextLength: values.integer(['max_position_embeddings'], bounds.tokens, 131_072),
    normEps: values.number(['rms_norm_eps'], bounds.normEps, 1e-6),
    activation: readActivation(values, 'hidden_activation', 'gelu_pytorch_tanh'),
    ...readGemmaRopes(values, headDim),
    attentionScale: Math.sqrt(values.number(['query_pre_attn_scalar'], { least: 1, most: 1e6 }, 256)),
    tieWordEmbeddings: values.flag('tie_word_embeddings', true),
  }
}

function readOpt(values: ConfigValues, sizes: Sizes): Rest {
  values.demand('do_layer_norm_before', true, 'OPT with norms after the layers (OPT-350m) is not implemented')
  values.demand('_remove_final_layer_norm', false, 'OPT without its last norm is not implemented')
  values.demand('word_embed_proj_dim', sizes.hiddenDim, 'OPT with projected embeddings (OPT-350m) is not implemented')
  return {
    ...withoutRope(values, sizes),
    ffnDim: values.integer(['ffn_dim'], bounds.ffnDim),
    contextLength: values.integer(['max_position_embeddings'], bounds.tokens),
    // transformers builds OPT's norms with PyTorch's default.
    normEps: 1e-5,
    activation: readActivation(values, 'activation_function', 'relu'),
  }
}

function readGpt2(values: ConfigValues, sizes: Sizes): Rest {
  const others = withoutRope(values, sizes)
  return {
    ...others,
    attentionScale: values.flag('scale_attn_weights', true) ? others.attentionScale : 1,
    ...(values.flag('scale_attn_by_inverse_layer_idx', false) && { scaledByLayer: true }),
    ffnDim: values.integer(['n_inner'], bounds.ffnDim, 4 * sizes.hiddenDim),
    contextLength: values.integer(['n_positions', 'max_position_embeddings', 'n_ctx'], bounds.tokens),
    normEps: values.number(['layer_norm_epsilon'], bounds.normEps, 1e-5),
    activation: readActivation(values, 'activation_function', 'gelu_new'),
  }
}

function readBloom(values: ConfigValues, sizes: Sizes): Rest {
  const key = 'apply_residual_connection_post_layernorm'
  values.demand(key, false, 'residuals taken after the norm are not implemented')
  return {
    ...withoutRope(values, sizes),
    ffnDim: 4 * sizes.hiddenDim,
    // ALiBi knows no longest context; seq_length is what the model was trained on.
    contextLength: values.integer(['seq_length'], bounds.tokens, 2048),
    normEps: values.number(['layer_norm_epsilon'], bounds.normEps, 1e-5),
    activation: 'gelu_tanh',
  }
}

function readBert(architecture: Architecture, values: ConfigValues, sizes: Sizes): Rest {
  values.demand('position_embedding_type', 'absolute', 'relative positions are not implemented')
  const positions = values.integer(['max_position_embeddings'], bounds.tokens)
  // RoBERTa counts positions from the padding id on.
  const unused =
    architecture === 'bert' ? 0 : values.integer(['pad_token_id'], { least: 0, most: positions - 2 }, 1) + 1
  return {
    ...withoutRope(values, sizes),
    ffnDim: values.integer(['intermediate_size'], bounds.ffnDim),
    contextLength: positions - unused,
    normEps: values.number(['layer_norm_eps'], bounds.normEps, 1e-12),
    activation: readActivation(values, 'hidden_act', 'gelu'),
  }
}

/** What models with learned positions or ALiBi have in common. */
function withoutRope(values: ConfigValues, sizes: Sizes) {
  const headDim = sizes.hiddenDim / sizes.heads
  return {
    kvHeads: sizes.heads,
    headDim,
    rope: null,
    localRope: null,
    slidingWindow: null,
    slidingLayers: new Array<boolean>(sizes.layers).fill(false),
    attentionScale: Math.sqrt(headDim),
    tieWordEmbeddings: values.flag('tie_word_embeddings', true),
  }
}

function readActivation(values: ConfigValues, key: string, fallback: string): ModelConfig['activation'] {
  const name = values.get(key) ?? fallback
  if (typeof name === 'string' && Object.hasOwn(activations, name)) return activations[name]
  throw values.unsupported(key, `is ${show(name)}; Moru knows ${Object.keys(activations).join(', ')}`)
}

/** Which layers see only a window. layer_types says it outright; older configs imply it. */
function readWindows(
  architecture: Architecture,
  values: ConfigValues,
  layers: number,
): Pick<ModelConfig, 'slidingWindow' | 'slidingLayers'> {
  const none = { slidingWindow: null, slidingLayers: new Array<boolean>(layers).fill(false) }
  const optional = architecture === 'qwen2' || architecture === 'qwen3'
  if (architecture === 'llama' || (optional && !values.flag('use_sliding_window', false))) return none
  // null says that there is none; a config that says nothing means the library's.
  if (architecture !== 'gemma3' && values.states('sliding_window') && !values.has('sliding_window')) return none
  const slidingWindow = values.integer(['sliding_window'], bounds.tokens, usualWindow)
  const slidingLayers = readLayerTypes(values, layers) ?? impliedWindows(architecture, values, layers)
  return slidingLayers.includes(true) ? { slidingWindow, slidingLayers } : none
}

function readLayerTypes(values: ConfigValues, layers: number): boolean[] | null {
  const types = values.get('layer_types')
  if (types === undefined) return null
  if (!Array.isArray(types) || types.length !== layers) {
    throw values.fault('layer_types', `is not a list of ${layers} entries, one a layer`)
  }
  const other: unknown = types.find((type) => type !== 'sliding_attention' && type !== 'full_attention')
  if (other === undefined) return types.map((type) => type === 'sliding_attention')
  throw values.unsupported('layer_types', `has ${show(other)}; Moru knows full_attention and sliding_attention`)
}

function impliedWindows(architecture: Architecture, values: ConfigValues, layers: number): boolean[] {
  const layer = Array.from({ length: layers }, (_, i) => i)
  if (architecture === 'gemma3') {
    const pattern = values.integer(['sliding_window_pattern', '_sliding_window_pattern'], bounds.layers, 6)
    return layer.map((i) => (i + 1) % pattern !== 0)
  }
  if (architecture === 'mistral') return layer.map(() => true)
  const first = values.integer(['max_window_layers'], { ...bounds.layers, least: 0 }, 28)
  return layer.map((i) => i >= first)
}

function readEnds(configs: ConfigValues[], vocabSize: number, generationConfig: unknown): number[] {
  const generation =
    (generationConfig ?? null) === null ? [] : [objectValues('generation_config.json', generationConfig)]
  return [...new Set([...generation, ...configs].flatMap((values) => values.tokenIds('eos_token_id', vocabSize)))]
}
