/** Hyperparameters as transformers 4 and 5 write them, and what is refused. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ModelConfig } from '../../../src/main/engine/models/config'
import { readTransformersConfig } from '../../../src/main/engine/models/read-config'

type Json = Record<string, unknown>
const root = join(import.meta.dirname, '../../golden/tiny-models')
const read = async (path: string): Promise<Json> => JSON.parse(await readFile(join(root, path), 'utf8')) as Json
const rope = (theta: number, dim = 16): ModelConfig['rope'] => ({ theta, dim, scaling: { kind: 'none' } })

const llama: ModelConfig = {
  architecture: 'llama',
  vocabSize: 320,
  layers: 3,
  hiddenDim: 96,
  ffnDim: 176,
  heads: 6,
  kvHeads: 2,
  headDim: 16,
  contextLength: 512,
  normEps: 1e-6,
  activation: 'silu',
  rope: rope(10_000),
  localRope: null,
  slidingWindow: null,
  slidingLayers: [false, false, false],
  attentionScale: 4,
  tieWordEmbeddings: true,
  eosTokenIds: [2],
}
const learned = { ...llama, kvHeads: 6, rope: null, normEps: 1e-5, ffnDim: 384, activation: 'gelu_tanh' as const }

const expected: Record<string, ModelConfig> = {
  'llama-gqa': llama,
  'llama-mha-untied': { ...llama, kvHeads: 6, rope: rope(500_000), tieWordEmbeddings: false },
  'llama3-rope-scaled': {
    ...llama,
    tieWordEmbeddings: false,
    rope: {
      theta: 500_000,
      dim: 16,
      scaling: { kind: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalContextLength: 64 },
    },
  },
  'mistral-sliding-mqa': {
    ...llama,
    architecture: 'mistral',
    kvHeads: 1,
    slidingWindow: 24,
    slidingLayers: [true, true, true],
    tieWordEmbeddings: false,
  },
  qwen2: { ...llama, architecture: 'qwen2' },
  qwen3: {
    ...llama,
    architecture: 'qwen3',
    headDim: 32,
    rope: rope(10_000, 32),
    attentionScale: Math.sqrt(32),
    tieWordEmbeddings: false,
  },
  gemma3: {
    ...llama,
    architecture: 'gemma3',
    layers: 6,
    heads: 4,
    kvHeads: 1,
    headDim: 32,
    activation: 'gelu_tanh',
    rope: rope(1_000_000, 32),
    localRope: rope(10_000, 32),
    slidingWindow: 24,
    slidingLayers: [true, true, true, true, true, false],
    attentionScale: Math.sqrt(32),
  },
  opt: { ...learned, architecture: 'opt', ffnDim: 192, activation: 'relu' },
  gpt2: { ...learned, architecture: 'gpt2' },
  'bloom-alibi': { ...learned, architecture: 'bloom', contextLength: 2048 },
}

/** The same config as transformers 4 wrote it. */
function asVersion4({ rope_parameters: parameters, layer_types: _types, ...rest }: Json): Json {
  const { full_attention: full, sliding_attention: sliding, ...single } = (parameters ?? {}) as Record<string, Json>
  const { rope_theta: theta, rope_type: type, ...scaling } = full ?? (single as Json)
  return {
    ...rest,
    ...(theta !== undefined && { rope_theta: theta }),
    ...(sliding && { rope_local_base_freq: sliding.rope_theta, sliding_window_pattern: 6 }),
    ...(parameters !== undefined && { rope_scaling: type === 'default' ? null : { type, ...scaling } }),
    transformers_version: '4.44.0',
  }
}

describe('reading config.json', () => {
  for (const [name, config] of Object.entries(expected)) {
    it(`reads ${name} as version 5 and as version 4 wrote it`, async () => {
      const json = await read(`${name}/config.json`)
      const generation = await read(`${name}/generation_config.json`)
      expect(readTransformersConfig(json, generation)).toEqual(config)
      expect(readTransformersConfig(asVersion4(json))).toEqual(config)
    })
  }

  it('fills in what old configs leave out', async () => {
    const { head_dim: _head, num_key_value_heads: _kv, ...json } = await read('llama-gqa/config.json')
    expect(readTransformersConfig(json)).toEqual({ ...llama, kvHeads: 6 })
  })

  it('reads the language model of a multimodal Gemma 3, which leaves out the defaults', () => {
    const json = {
      model_type: 'gemma3',
      eos_token_id: [1, 106],
      text_config: {
        hidden_size: 2560,
        intermediate_size: 10_240,
        model_type: 'gemma3_text',
        num_hidden_layers: 34,
        rope_scaling: { factor: 8.0, rope_type: 'linear' },
        sliding_window: 1024,
      },
    }
    const config = readTransformersConfig(json)
    expect(config).toMatchObject({ heads: 8, kvHeads: 4, headDim: 256, vocabSize: 262_208, contextLength: 131_072 })
    expect(config.rope).toEqual({ theta: 1_000_000, dim: 256, scaling: { kind: 'linear', factor: 8 } })
    expect(config.localRope).toEqual(rope(10_000, 256))
    expect(config.slidingLayers.flatMap((sliding, i) => (sliding ? [] : [i]))).toEqual([5, 11, 17, 23, 29])
    expect(config.eosTokenIds).toEqual([1, 106])
  })

  it('takes the window of Qwen only where it is switched on, and above max_window_layers', async () => {
    const { layer_types: _types, ...json } = await read('qwen2/config.json')
    const sliding = { ...json, use_sliding_window: true, sliding_window: 64, max_window_layers: 1 }
    expect(readTransformersConfig(sliding).slidingLayers).toEqual([false, true, true])
    expect(readTransformersConfig({ ...sliding, use_sliding_window: false }).slidingWindow).toBeNull()
  })

  it('counts the positions of RoBERTa from the padding id on', () => {
    const json = {
      model_type: 'xlm-roberta',
      vocab_size: 320,
      hidden_size: 96,
      intermediate_size: 192,
      num_hidden_layers: 3,
      num_attention_heads: 6,
      max_position_embeddings: 514,
      pad_token_id: 1,
      layer_norm_eps: 1e-12,
      hidden_act: 'gelu',
    }
    const config = readTransformersConfig(json)
    expect(config).toMatchObject({
      architecture: 'xlm-roberta',
      contextLength: 512,
      activation: 'gelu',
      normEps: 1e-12,
    })
  })

  it('joins the end ids of both files, those of generation_config.json first', async () => {
    const json = await read('llama-gqa/config.json')
    const ends = (value: unknown, own: unknown = 2): number[] =>
      readTransformersConfig({ ...json, eos_token_id: own }, { eos_token_id: value }).eosTokenIds
    expect(ends([7, 2])).toEqual([7, 2])
    expect(ends(9)).toEqual([9, 2])
    expect(ends(null, null)).toEqual([])
    expect(ends(320, -1)).toEqual([])
  })

  const faults: [string, Json, string, RegExp][] = [
    ['a missing size', { hidden_size: undefined }, 'invalid_file', /hidden_size is missing/],
    ['a text for a number', { num_attention_heads: '6' }, 'invalid_file', /num_attention_heads is "6"/],
    ['a fraction', { num_hidden_layers: 2.5 }, 'invalid_file', /num_hidden_layers is 2\.5/],
    ['zero layers', { num_hidden_layers: 0 }, 'invalid_file', /num_hidden_layers is 0/],
    ['an absurd vocabulary', { vocab_size: 2 ** 40 }, 'invalid_file', /vocab_size is 1,099,511,627,776/],
    ['heads that do not divide', { num_key_value_heads: 4 }, 'invalid_file', /key\/value heads is 4/],
    ['heads that leave a rest', { num_attention_heads: 7, head_dim: null }, 'invalid_file', /head size/],
    ['an odd rotation', { head_dim: 15 }, 'invalid_file', /rotated dimensions are 15/],
    ['an infinite theta', { rope_parameters: { rope_theta: Infinity } }, 'invalid_file', /rope_theta/],
    ['a rope that is no object', { rope_parameters: 7 }, 'invalid_file', /rope_parameters is 7, not an object/],
    [
      'an unknown rope',
      { rope_parameters: { rope_type: 'longrope', factor: 4 } },
      'unsupported',
      /rope_type is "longrope"/,
    ],
    ['an unknown activation', { hidden_act: 'mish' }, 'unsupported', /hidden_act is "mish"/],
    ['an activation named like a method', { hidden_act: 'toString' }, 'unsupported', /hidden_act is "toString"/],
    ['an unknown architecture', { model_type: 'mamba' }, 'unsupported', /model_type is "mamba"/],
    ['an end that is no id', { eos_token_id: ['</s>'] }, 'invalid_file', /eos_token_id is \["<\/s>"\]/],
  ]
  for (const [what, change, code, message] of faults) {
    it(`refuses ${what}, naming the key`, async () => {
      const json = { ...(await read('llama-gqa/config.json')), ...change }
      expect(() => readTransformersConfig(json)).toThrow(
        expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
      )
    })
  }

  it('refuses variants whose arithmetic differs', async () => {
    const changes: [string, Json][] = [
      ['opt', { do_layer_norm_before: false }],
      ['opt', { word_embed_proj_dim: 48 }],
      ['bloom-alibi', { apply_residual_connection_post_layernorm: true }],
      ['gemma3', { final_logit_softcapping: 30 }],
    ]
    for (const [name, change] of changes) {
      const json = { ...(await read(`${name}/config.json`)), ...change }
      expect(() => readTransformersConfig(json)).toThrow(expect.objectContaining({ code: 'unsupported' }))
    }
  })

  it('takes what the library takes where a config says nothing', async () => {
    const base = await read('mistral-sliding-mqa/config.json')
    const without = (keys: string[], more: Json = {}): Json =>
      Object.fromEntries(Object.entries({ ...base, ...more }).filter(([key]) => !keys.includes(key))) as Json
    expect(readTransformersConfig(without(['sliding_window'])).slidingWindow).toBe(4096)
    expect(readTransformersConfig({ ...base, sliding_window: null }).slidingWindow).toBeNull()
    expect(readTransformersConfig(without(['max_position_embeddings'])).contextLength).toBe(131_072)
    expect(readTransformersConfig(without(['head_dim'], { model_type: 'qwen3' })).headDim).toBe(128)
  })

  it('reads YaRN as both versions spell it', async () => {
    const base = await read('llama-gqa/config.json')
    const own = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 128, beta_fast: 16 }
    const four = {
      ...base,
      rope_parameters: undefined,
      rope_theta: 5000,
      rope_scaling: { ...own, rope_type: undefined, type: 'yarn' },
    }
    const config = readTransformersConfig({ ...base, rope_parameters: { ...own, rope_theta: 5000 } })
    expect(config.rope?.scaling).toEqual({
      kind: 'yarn',
      factor: 4,
      originalContextLength: 128,
      betaFast: 16,
      betaSlow: 1,
      truncate: true,
      attentionFactor: 0.1 * Math.log(4) + 1,
    })
    expect(readTransformersConfig(four).rope).toEqual(config.rope)
  })

  it('refuses what is no object', () => {
    for (const json of [null, 7, 'text', []]) {
      expect(() => readTransformersConfig(json)).toThrow(expect.objectContaining({ code: 'invalid_file' }))
    }
  })
})
