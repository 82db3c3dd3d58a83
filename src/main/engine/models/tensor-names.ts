/** Names of tensors in safetensors checkpoints, by the canonical (GGUF) names that the architectures use. */
import { type TensorInfo, type WeightFile } from '../formats/weight-file'
import { type Architecture, type ModelConfig } from './config'

/** '#' is the layer's number. Names without '.weight' or '.bias'. */
type Names = Readonly<Record<string, string>>

const llamaNames: Names = {
  token_embd: 'model.embed_tokens',
  output_norm: 'model.norm',
  output: 'lm_head',
  'blk.#.attn_norm': 'model.layers.#.input_layernorm',
  'blk.#.attn_q': 'model.layers.#.self_attn.q_proj',
  'blk.#.attn_k': 'model.layers.#.self_attn.k_proj',
  'blk.#.attn_v': 'model.layers.#.self_attn.v_proj',
  'blk.#.attn_output': 'model.layers.#.self_attn.o_proj',
  'blk.#.attn_q_norm': 'model.layers.#.self_attn.q_norm',
  'blk.#.attn_k_norm': 'model.layers.#.self_attn.k_norm',
  'blk.#.ffn_norm': 'model.layers.#.post_attention_layernorm',
  'blk.#.ffn_gate': 'model.layers.#.mlp.gate_proj',
  'blk.#.ffn_up': 'model.layers.#.mlp.up_proj',
  'blk.#.ffn_down': 'model.layers.#.mlp.down_proj',
}

const bertNames: Names = {
  token_embd: 'embeddings.word_embeddings',
  position_embd: 'embeddings.position_embeddings',
  token_types: 'embeddings.token_type_embeddings',
  token_embd_norm: 'embeddings.LayerNorm',
  'blk.#.attn_q': 'encoder.layer.#.attention.self.query',
  'blk.#.attn_k': 'encoder.layer.#.attention.self.key',
  'blk.#.attn_v': 'encoder.layer.#.attention.self.value',
  'blk.#.attn_output': 'encoder.layer.#.attention.output.dense',
  'blk.#.attn_output_norm': 'encoder.layer.#.attention.output.LayerNorm',
  'blk.#.ffn_up': 'encoder.layer.#.intermediate.dense',
  'blk.#.ffn_down': 'encoder.layer.#.output.dense',
  'blk.#.layer_output_norm': 'encoder.layer.#.output.LayerNorm',
  'cls.dense': 'pooler.dense',
  'cls.output': 'classifier',
}
const robertaNames: Names = { ...bertNames, 'cls.dense': 'classifier.dense', 'cls.output': 'classifier.out_proj' }

const names: Partial<Record<Architecture, Names>> = {
  bert: bertNames,
  roberta: robertaNames,
  'xlm-roberta': robertaNames,
  llama: llamaNames,
  mistral: llamaNames,
  qwen2: llamaNames,
  qwen3: llamaNames,
  gemma3: {
    ...llamaNames,
    'blk.#.post_attention_norm': 'model.layers.#.post_attention_layernorm',
    'blk.#.ffn_norm': 'model.layers.#.pre_feedforward_layernorm',
    'blk.#.post_ffw_norm': 'model.layers.#.post_feedforward_layernorm',
  },
  opt: {
    token_embd: 'model.decoder.embed_tokens',
    position_embd: 'model.decoder.embed_positions',
    output_norm: 'model.decoder.final_layer_norm',
    output: 'lm_head',
    'blk.#.attn_norm': 'model.decoder.layers.#.self_attn_layer_norm',
    'blk.#.attn_q': 'model.decoder.layers.#.self_attn.q_proj',
    'blk.#.attn_k': 'model.decoder.layers.#.self_attn.k_proj',
    'blk.#.attn_v': 'model.decoder.layers.#.self_attn.v_proj',
    'blk.#.attn_output': 'model.decoder.layers.#.self_attn.out_proj',
    'blk.#.ffn_norm': 'model.decoder.layers.#.final_layer_norm',
    'blk.#.ffn_up': 'model.decoder.layers.#.fc1',
    'blk.#.ffn_down': 'model.decoder.layers.#.fc2',
  },
  gpt2: {
    token_embd: 'transformer.wte',
    position_embd: 'transformer.wpe',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
    'blk.#.attn_norm': 'transformer.h.#.ln_1',
    'blk.#.attn_qkv': 'transformer.h.#.attn.c_attn',
    'blk.#.attn_output': 'transformer.h.#.attn.c_proj',
    'blk.#.ffn_norm': 'transformer.h.#.ln_2',
    'blk.#.ffn_up': 'transformer.h.#.mlp.c_fc',
    'blk.#.ffn_down': 'transformer.h.#.mlp.c_proj',
  },
  bloom: {
    token_embd: 'transformer.word_embeddings',
    token_embd_norm: 'transformer.word_embeddings_layernorm',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
    'blk.#.attn_norm': 'transformer.h.#.input_layernorm',
    'blk.#.attn_qkv': 'transformer.h.#.self_attention.query_key_value',
    'blk.#.attn_output': 'transformer.h.#.self_attention.dense',
    'blk.#.ffn_norm': 'transformer.h.#.post_attention_layernorm',
    'blk.#.ffn_up': 'transformer.h.#.mlp.dense_h_to_4h',
    'blk.#.ffn_down': 'transformer.h.#.mlp.dense_4h_to_h',
  },
}

/** Base checkpoints drop the first part of a name; multimodal ones put another before it. */
const spellings: ((name: string) => string)[] = [
  (name) => name,
  (name) => name.replace(/^(model|transformer)\./, ''),
  (name) => `language_model.${name}`,
  (name) => name.replace(/^model\./, 'model.language_model.'),
  (name) => `bert.${name}`,
  (name) => `roberta.${name}`,
]

/** The name in `file` of a canonical name; for GGUF the same. Unknown names come back in their first spelling, for error messages. */
export function tensorNames(file: WeightFile, architecture: Architecture): (canonical: string) => string {
  if (file.format === 'gguf') return (canonical) => canonical
  return (canonical) => {
    const own = transformersName(architecture, canonical)
    const candidates = spellings.map((spell) => spell(own))
    return candidates.find((name) => file.tensors.has(name)) ?? candidates[0]
  }
}

/** A tensor of a model by both its names. */
export interface NamedTensor {
  /** GGUF's. */
  canonical: string
  info: TensorInfo
}

/** The tensors of `file` that the architecture uses, each once, in the order of the layers. */
export function namedTensors(file: WeightFile, { architecture, layers }: ModelConfig): NamedTensor[] {
  const nameOf = tensorNames(file, architecture)
  const found: NamedTensor[] = []
  const add = (stem: string): void => {
    for (const suffix of ['weight', 'bias']) {
      const canonical = `${stem}.${suffix}`
      const info = file.tensors.get(nameOf(canonical))
      if (info) found.push({ canonical, info })
    }
  }
  const stems = Object.keys(names[architecture] ?? {})
  for (const stem of stems) if (!stem.startsWith('blk.')) add(stem)
  for (let layer = 0; layer < layers; layer++)
    for (const stem of stems) if (stem.startsWith('blk.')) add(stem.replace('#', String(layer)))
  return found
}

/** What a whole checkpoint of transformers calls a canonical name. */
export function transformersName(architecture: Architecture, canonical: string): string {
  const [, stem, suffix] = /^(.*)\.(weight|bias)$/.exec(canonical) ?? [canonical, canonical, '']
  const layer = /^blk\.(\d+)\./.exec(stem)?.[1] ?? ''
  const own = names[architecture]?.[stem.replace(/^blk\.\d+\./, 'blk.#.')]?.replace('#', layer)
  return `${own ?? stem}.${suffix}`
}
