/** Models there and back: the same logits as the reference in either format, and the same bytes where nothing was rounded. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { convertModel } from '../../../src/main/engine/convert/convert-model'
import { Gpu } from '../../../src/main/engine/device/gpu'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import type { WeightFile } from '../../../src/main/engine/formats/weight-file'
import { blockTokens } from '../../../src/main/engine/kernels/attention'
import { loadDecoder, readModelConfig } from '../../../src/main/engine/models/load-decoder'
import { ModelRunner } from '../../../src/main/engine/runtime/model-runner'
import { loadTokenizerFromFolder, loadTokenizerFromMetadata } from '../../../src/main/engine/tokenizer/load'
import { MoruError } from '../../../src/shared/errors'
import { golden, largestDifference, readFloats, readGolden } from '../golden'
import { byteTokenizer } from './byte-tokenizer'

const decoders = [
  'llama-gqa', 'llama-mha-untied', 'llama3-rope-scaled', 'mistral-sliding-mqa', 'qwen2', 'qwen3', 'gemma3', 'gpt2', 'bloom-alibi',
] // prettier-ignore

let gpu: Gpu
let folder: string
beforeAll(async () => {
  gpu = await Gpu.open()
  folder = await mkdtemp(join(tmpdir(), 'moru-convert-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await gpu.idle()
  gpu.destroy()
})

const template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"

/** A tiny checkpoint with a tokenizer. */
async function source(name: string): Promise<string> {
  const path = join(folder, `${name}-source`)
  await cp(golden('tiny-models', name), path, { recursive: true })
  await writeFile(join(path, 'tokenizer.json'), JSON.stringify(byteTokenizer()))
  const config = { bos_token: '<s>', eos_token: '</s>', pad_token: '<pad>', chat_template: template }
  await writeFile(join(path, 'tokenizer_config.json'), JSON.stringify(config))
  return path
}

async function opened<T>(path: string, work: (file: WeightFile) => Promise<T>): Promise<T> {
  const file = await openModelFile(path)
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}

const logitsOf = (path: string, ids: number[]): Promise<number[]> =>
  opened(path, async (file) => {
    const decoder = await loadDecoder(gpu, file, await readModelConfig(file))
    const options = { activations: 'f32', kvType: 'f32', contextLength: 128, blocks: 16 } as const
    const runner = await ModelRunner.open(gpu, decoder, options)
    const blocks = Array.from({ length: Math.ceil(ids.length / blockTokens) }, (_, i) => i)
    const rows = await runner.logits([{ ids, position: 0, blocks, logits: 'all' }])
    runner.release()
    runner.model.buffers.release()
    return rows.flatMap((row) => [...row])
  })

describe.each(decoders)('%s', (name) => {
  const expected = readGolden<{ input_ids: number[] }>('tiny-models', name, 'expected.json')
  const reference = readFloats('tiny-models', name, 'expected.f32')
  const scale = Math.max(1, ...reference.map(Math.abs))

  it('gives the reference logits as GGUF and as safetensors again', async () => {
    const from = await source(name)
    const gguf = join(folder, `${name}.gguf`)
    const back = join(folder, `${name}-back`)
    await opened(from, (file) => convertModel(file, gguf, { type: 'f32' }))
    expect(largestDifference(await logitsOf(gguf, expected.input_ids), reference)).toBeLessThan(1e-3 * scale)
    await opened(gguf, (file) => convertModel(file, back))
    expect(largestDifference(await logitsOf(back, expected.input_ids), reference)).toBeLessThan(1e-3 * scale)
    await opened(from, (original) =>
      opened(back, async (copy) => {
        const names = [...copy.tensors.keys()]
        expect(names.length).toBeGreaterThan(20)
        for (const tensor of names) {
          const bytes = async (file: WeightFile) => file.read(tensor, 0, file.tensors.get(tensor)!.sizeBytes)
          // 1 + w, then less one, is w but for the last bits.
          if (name === 'gemma3' && tensor.includes('norm')) continue
          expect(Buffer.compare(await bytes(copy), await bytes(original)), tensor).toBe(0)
        }
        const used = [...original.tensors.keys()].filter((tensor) => !/\.attn\.(bias|masked_bias)$/.test(tensor))
        // Embedding and head are one matrix where they are tied.
        expect(names.sort()).toEqual(
          used.filter((tensor) => tensor !== 'lm_head.weight' || names.includes(tensor)).sort(),
        )
      }),
    )
  })
})

it('takes tokenizer, template and ends along both ways', async () => {
  const from = await source('qwen2')
  const gguf = join(folder, 'tokens.gguf')
  const back = join(folder, 'tokens-back')
  await opened(from, (file) => convertModel(file, gguf))
  await opened(gguf, async (file) => {
    expect(file.metadata.get('tokenizer.ggml.pre')).toBe('gpt-2')
    expect(file.metadata.get('tokenizer.ggml.eos_token_id')).toBe(2)
    expect((file.metadata.get('tokenizer.ggml.tokens') as string[]).length).toBe(320)
    expect(file.metadata.get('general.file_type')).toBe(0)
    await convertModel(file, back, { type: 'bf16' })
  })
  expect((await readdir(back)).sort()).toEqual([
    ...['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'],
  ])
  const config = JSON.parse(await readFile(join(back, 'config.json'), 'utf8')) as Record<string, unknown>
  expect(config).toMatchObject({
    architectures: ['Qwen2ForCausalLM'],
    model_type: 'qwen2',
    torch_dtype: 'bfloat16',
    eos_token_id: 2,
  })
  const original = await loadTokenizerFromFolder(from)
  const read = await opened(gguf, async (file) => loadTokenizerFromMetadata(file.metadata))
  const again = await loadTokenizerFromFolder(back)
  for (const { tokenizer, chatTemplate } of [original, read, again]) {
    expect(chatTemplate?.source).toBe(template)
    expect(tokenizer.encode('the man in 가 </s>', { special: true })).toEqual(
      original.tokenizer.encode('the man in 가 </s>', { special: true }),
    )
    expect([...tokenizer.endIds]).toEqual([2])
  }
})

it('keeps a whole model in shards, and merges them', async () => {
  const gguf = join(folder, 'whole.gguf')
  await opened(await source('llama-gqa'), (file) => convertModel(file, gguf, { type: 'q8_0' }))
  const split = await opened(gguf, (file) => convertModel(file, join(folder, 'parts.gguf'), { shardBytes: 100_000 }))
  expect(split.files).toBeGreaterThan(2)
  expect(split.path).toContain('parts-00001-of-')
  const merged = join(folder, 'merged.gguf')
  const seen: number[] = []
  await opened(split.path, (file) =>
    convertModel(file, merged, { onProgress: (done, total) => seen.push(done / total) }),
  )
  expect(Buffer.compare(await readFile(merged), await readFile(gguf))).toBe(0)
  expect(seen.at(-1)).toBeGreaterThan(0.5)
  expect(seen).toEqual(seen.toSorted((a, b) => a - b))
})

it('dequantizes, and says which types it lacks', async () => {
  const from = await source('mistral-sliding-mqa')
  const q8 = join(folder, 'q8.gguf')
  const done = await opened(from, (file) => convertModel(file, q8, { type: 'q8_0' }))
  // 176 inputs are no whole number of blocks of 32.
  expect(Object.keys(done.types).sort()).toEqual(['f16', 'f32', 'q8_0'])
  const plain = join(folder, 'q8-plain')
  expect((await opened(q8, (file) => convertModel(file, plain))).types).toEqual({ f16: expect.any(Number) })
  const config = JSON.parse(await readFile(join(plain, 'config.json'), 'utf8')) as Record<string, unknown>
  expect(config).toMatchObject({ model_type: 'mistral', sliding_window: 24 })
  const refused = (path: string, out: string, type: 'q8_0' | 'iq4_xs') =>
    expect(opened(path, (file) => convertModel(file, join(folder, out), { type }))).rejects
  await refused(from, 'x', 'q8_0').toThrow(/safetensors has no q8_0/)
  await refused(from, 'x.gguf', 'iq4_xs').toThrow(/does not write iq4_xs/)
  const opt = await source('opt')
  await expect(opened(opt, (file) => convertModel(file, join(folder, 'opt.gguf')))).rejects.toThrow(/no OPT models/)
})

it('leaves nothing behind when it is cancelled', async () => {
  const from = await source('gpt2')
  for (const out of ['cancelled.gguf', 'cancelled']) {
    const controller = new AbortController()
    const onProgress = () => controller.abort(new MoruError('cancelled', 'The work was cancelled.'))
    const options = { onProgress, signal: controller.signal }
    const run = opened(from, (file) => convertModel(file, join(folder, out), options))
    await expect(run).rejects.toMatchObject({ code: 'cancelled' })
  }
  expect((await readdir(folder)).filter((name) => name.includes('cancelled'))).toEqual([])
})
