/** Hyperparameters as GGUF files name them. */
import { describe, expect, it } from 'vitest'
import { openGguf } from '../../../src/main/engine/formats/gguf'
import type { ModelConfig } from '../../../src/main/engine/models/config'
import { readGgufConfig } from '../../../src/main/engine/models/read-gguf-config'
import type { ErrorCode } from '../../../src/shared/errors'
import { temporaryFolder } from './temporary-folder'
import { counting, f32, text, texts, u32, writeGguf, type GgufTensor, type Value } from './write-gguf'

const folder = await temporaryFolder()

type Pairs = Record<string, Value | null>
const tokens = texts(['<s>', '</s>', 'a', 'b', 'c', 'd', 'e', 'f'])

/** A small model of an architecture; `change` adds keys, or with null takes them away. */
async function readModel(name: string, change: Pairs = {}, tensors: GgufTensor[] = []): Promise<ModelConfig> {
  const pairs: Pairs = {
    'general.architecture': text(name),
    [`${name}.block_count`]: u32(7),
    [`${name}.context_length`]: u32(4096),
    [`${name}.embedding_length`]: u32(64),
    [`${name}.feed_forward_length`]: u32(160),
    [`${name}.attention.head_count`]: u32(4),
    [`${name}.attention.layer_norm_rms_epsilon`]: f32(1e-5),
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.eos_token_id': u32(1),
    ...change,
  }
  const metadata = Object.entries(pairs).filter((pair): pair is [string, Value] => pair[1] !== null)
  const file = await openGguf(await folder.write('model.gguf', writeGguf({ metadata, tensors }).bytes))
  try {
    return await readGgufConfig(file)
  } finally {
    await file.close()
  }
}

describe('reading GGUF hyperparameters', () => {
  it('reads a Llama, with what the file leaves out', async () => {
    expect(await readModel('llama')).toEqual({
      architecture: 'llama',
      vocabSize: 8,
      layers: 7,
      hiddenDim: 64,
      ffnDim: 160,
      heads: 4,
      kvHeads: 4,
      headDim: 16,
      contextLength: 4096,
      normEps: Math.fround(1e-5),
      activation: 'silu',
      rope: { theta: 10_000, dim: 16, scaling: { kind: 'none' } },
      localRope: null,
      slidingWindow: null,
      slidingLayers: new Array<boolean>(7).fill(false),
      attentionScale: 4,
      tieWordEmbeddings: true,
      eosTokenIds: [1],
    })
  })

  it('reads grouped heads, head size, theta and an output of its own', async () => {
    const change = {
      'qwen3.attention.head_count_kv': u32(2),
      'qwen3.attention.key_length': u32(32),
      'qwen3.attention.value_length': u32(32),
      'qwen3.rope.freq_base': f32(1_000_000),
      'tokenizer.ggml.eot_token_id': u32(3),
      'tokenizer.ggml.eom_token_id': u32(99),
    }
    const config = await readModel('qwen3', change, [
      counting('token_embd.weight', [64, 8]),
      counting('output.weight', [64, 8]),
    ])
    expect(config).toMatchObject({ kvHeads: 2, headDim: 32, tieWordEmbeddings: false, eosTokenIds: [1, 3] })
    expect(config.rope).toEqual({ theta: 1_000_000, dim: 32, scaling: { kind: 'none' } })
  })

  it('reads heads that are listed layer by layer, while they agree', async () => {
    const list = (...values: number[]): Value => ({ type: 'array', of: 'u32', values })
    const key = 'llama.attention.head_count_kv'
    expect((await readModel('llama', { [key]: list(2, 2, 2) })).kvHeads).toBe(2)
    await expect(readModel('llama', { [key]: list(2, 4) })).rejects.toMatchObject({ code: 'unsupported' })
    await expect(readModel('llama', { [key]: list() })).rejects.toMatchObject({ code: 'invalid_file' })
  })

  it('reads Gemma 3, whose pattern of windows the file does not state', async () => {
    const change = {
      'gemma3.attention.sliding_window': u32(512),
      'gemma3.rope.freq_base': f32(1_000_000),
      'gemma3.rope.scaling.type': text('linear'),
      'gemma3.rope.scaling.factor': f32(8),
    }
    const config = await readModel('gemma3', change)
    expect(config).toMatchObject({ slidingWindow: 512, activation: 'gelu_tanh', attentionScale: 4 })
    expect(config.slidingLayers).toEqual([true, true, true, true, true, false, true])
    expect(config.rope?.scaling).toEqual({ kind: 'linear', factor: 8 })
    expect(config.localRope).toEqual({ theta: 10_000, dim: 16, scaling: { kind: 'none' } })
    const largest = await readModel('gemma3', { 'gemma3.block_count': u32(62), 'gemma3.attention.key_length': u32(8) })
    expect(largest.attentionScale).toBe(4)
  })

  it('reads the window of Mistral, which calls itself llama', async () => {
    const config = await readModel('llama', { 'llama.attention.sliding_window': u32(24) })
    expect(config.slidingWindow).toBe(24)
    expect(config.slidingLayers).toEqual(new Array<boolean>(7).fill(true))
  })

  it('reads models without rotary positions', async () => {
    for (const name of ['gpt2', 'bloom', 'bert']) {
      const change = {
        [`${name}.attention.layer_norm_rms_epsilon`]: null,
        [`${name}.attention.layer_norm_epsilon`]: f32(1e-5),
      }
      const config = await readModel(name, change)
      expect(config).toMatchObject({
        architecture: name,
        rope: null,
        activation: name === 'bert' ? 'gelu' : 'gelu_tanh',
      })
    }
  })

  it("reads Llama 3's frequency factors", async () => {
    const config = await readModel('llama', {}, [counting('rope_freqs.weight', [8], 1)])
    expect(config.rope?.scaling).toEqual({ kind: 'factors', factors: [1, 2, 3, 4, 5, 6, 7, 8] })
    await expect(readModel('llama', {}, [counting('rope_freqs.weight', [7], 1)])).rejects.toThrow(
      /7 factors for 8 frequencies/,
    )
    await expect(readModel('llama', {}, [counting('rope_freqs.weight', [8])])).rejects.toThrow(/not a positive number/)
    await expect(readModel('llama', {}, [counting('rope_freqs.weight', [4, 2], 1)])).rejects.toThrow(
      /not a short f32 vector/,
    )
  })

  const faults: [string, Pairs, ErrorCode, RegExp][] = [
    ['no architecture', { 'general.architecture': null }, 'invalid_file', /general\.architecture is missing/],
    ['an unknown architecture', { 'general.architecture': text('mamba') }, 'unsupported', /"mamba"/],
    ['no layers', { 'llama.block_count': null }, 'invalid_file', /llama\.block_count is missing/],
    ['zero heads', { 'llama.attention.head_count': u32(0) }, 'invalid_file', /head_count is 0/],
    ['heads that leave a rest', { 'llama.attention.head_count': u32(5) }, 'invalid_file', /head size/],
    ['heads that do not divide', { 'llama.attention.head_count_kv': u32(3) }, 'invalid_file', /does not divide/],
    ['values of another length', { 'llama.attention.value_length': u32(8) }, 'unsupported', /value_length is 8/],
    [
      'an epsilon that is not a number',
      { 'llama.attention.layer_norm_rms_epsilon': f32(NaN) },
      'invalid_file',
      /epsilon is NaN/,
    ],
    ['a theta of text', { 'llama.rope.freq_base': text('1e4') }, 'invalid_file', /freq_base is "1e4"/],
    ['more rotation than head', { 'llama.rope.dimension_count': u32(18) }, 'invalid_file', /rotated dimensions are 18/],
    ['LongRoPE', { 'llama.rope.scaling.type': text('longrope') }, 'unsupported', /rope\.scaling\.type is "longrope"/],
  ]
  for (const [what, change, code, message] of faults) {
    it(`refuses ${what}, naming the key`, async () => {
      const refused = expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as unknown
      await expect(readModel('llama', change)).rejects.toEqual(refused)
    })
  }

  it('refuses an embedding with another number of rows than the vocabulary', async () => {
    const model = readModel('llama', {}, [counting('token_embd.weight', [64, 9])])
    await expect(model).rejects.toThrow(/token_embd\.weight is \[9, 64\], but the vocabulary has 8 tokens/)
  })
})
