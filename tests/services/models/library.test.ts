import { cp, mkdir, mkdtemp, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type MemoryLimits } from '../../../src/main/engine'
import { inspectModel } from '../../../src/main/models/inspect'
import { ModelLibrary } from '../../../src/main/models/library'
import { openStore, type Store } from '../../../src/main/store'
import { modelDetail, modelSummary } from '../../../src/shared/contract/models'
import { loadSettings } from '../../../src/shared/contract/sampling'
import { counting, f32, text, texts, u32, type Value, writeGguf } from '../../engine/formats/write-gguf'

const resources = resolve('resources/models')
const tiny = resolve('tests/golden/tiny-models')
const shard = (n: number) => `SmolLM2-135M-Instruct.Q4_1-0000${n}-of-00003.gguf`
const bundledId = 'smollm2-135m-instruct.q4_1'

let folder: string
let store: Store
let limits: MemoryLimits | null
let library: ModelLibrary

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moru-라이브러리 '))
  store = openStore(folder)
  limits = null
  library = open()
})
afterEach(async () => {
  store.close()
  await rm(folder, { recursive: true })
})

const open = (bundledFolder = resources) =>
  new ModelLibrary({ store, bundledFolder, modelsFolder: join(folder, 'models'), limits: async () => limits })

async function copyOf(name: string, as = name): Promise<string> {
  const path = join(folder, as)
  await cp(join(tiny, name), path, { recursive: true })
  return path
}

describe('the bundled model', () => {
  it('is listed without being imported, and its page has all figures', async () => {
    const bundled = await library.list()
    expect(bundled.map(({ id, source, chat, encoder, thinking }) => ({ id, source, chat, encoder, thinking }))).toEqual(
      [
        { id: 'all-minilm-l6-v2', source: 'bundled', chat: false, encoder: true, thinking: false },
        { id: bundledId, source: 'bundled', chat: true, encoder: false, thinking: false },
      ],
    )
    const summary = bundled[1]
    expect(modelSummary.parse(summary)).toMatchObject({
      id: bundledId,
      name: 'SmolLM2-135M-Instruct.Q4_1',
      source: 'bundled',
      format: 'gguf',
      architecture: 'llama',
      parameters: 134_515_008,
      contextLength: 8192,
      quantization: 'Q4_1',
      chat: true,
      available: true,
      license: 'apache-2.0',
    })
    expect(summary.path).toBe(join(resources, 'smollm2-135m-instruct', shard(1)))
    const detail = modelDetail.parse(await library.get(bundledId))
    expect(detail).toMatchObject({ layers: 30, hiddenDim: 576, heads: 9, kvHeads: 3, headDim: 64, vocabSize: 49_152, tokenizer: 'bpe' }) // prettier-ignore
    expect(detail.bitsPerWeight).toBeCloseTo(5.7, 0)
    expect(detail.tensors).toHaveLength(272)
    expect(detail.tensors.reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b, 1), 0)).toBe(detail.parameters)
    expect(detail.chatTemplate).toContain('<|im_start|>')
    expect(detail.memoryPlan).toMatchObject({ fits: true, contextLength: 8192, kvBytesPerToken: 2 * 30 * 3 * 64 * 2 })
  })

  it('is read with at most a third of a second of work, and with none the second time', async () => {
    // Processor time, not the clock's: other tests share the cores. On a quiet machine it takes 60 to 120 ms.
    const workMs = async () => {
      const before = process.cpuUsage()
      await inspectModel(copy)
      const { user, system } = process.cpuUsage(before)
      return (user + system) / 1000
    }
    const copy = await copyOfBundled()
    expect(await workMs()).toBeLessThan(350)
    expect(await workMs()).toBeLessThan(20)
  })

  it('is the default, is found by id and by the path of any shard, and cannot be removed', async () => {
    const first = join(resources, 'smollm2-135m-instruct', shard(1))
    const expected = { id: bundledId, name: 'SmolLM2-135M-Instruct.Q4_1', path: first }
    expect(await library.resolve(null)).toEqual(expected)
    expect(await library.resolve(bundledId)).toEqual(expected)
    expect(await library.resolve(join(resources, 'smollm2-135m-instruct', shard(3)))).toEqual(expected)
    expect((await library.import(first)).id).toBe(bundledId)
    expect(store.models.list()).toEqual([])
    await expect(library.remove(bundledId, true)).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('gives way to an id that is taken, and its absence is said', async () => {
    const copy = await copyOfBundled()
    await open(folder + '/nothing').import(copy)
    expect((await open().list()).map((model) => model.id)).toEqual(['all-minilm-l6-v2', `${bundledId}-2`, bundledId])
    await expect(open(folder + '/nothing').resolve(null)).rejects.toMatchObject({ code: 'not_found' })
  })
})

async function copyOfBundled(): Promise<string> {
  await mkdir(join(folder, 'copy'))
  for (const n of [1, 2, 3])
    await symlink(join(resources, 'smollm2-135m-instruct', shard(n)), join(folder, 'copy', shard(n)))
  return join(folder, 'copy', shard(1))
}

describe('import', () => {
  it('references a safetensors folder in place; any file of it leads to it; the same path keeps its id', async () => {
    const path = await copyOf('llama-gqa', '한국어 모델 1')
    const summary = await library.import(path)
    expect(modelSummary.parse(summary)).toMatchObject({
      id: '한국어-모델-1',
      name: '한국어 모델 1',
      source: 'imported',
      format: 'safetensors',
      architecture: 'llama',
      quantization: 'F32',
      path,
    })
    for (const file of ['model.safetensors', 'config.json'])
      expect((await library.import(join(path, file))).id).toBe('한국어-모델-1')
    expect(await library.import(`${path}/../한국어 모델 1/`)).toEqual(summary)
    expect(store.models.list()).toHaveLength(1)
    expect((await library.get('한국어-모델-1')).tensors.length).toBeGreaterThan(10)
  })

  it('takes a later shard for the first, and links in the way for what they lead to', async () => {
    const first = await copyOfBundled()
    const { id, path } = await library.import(join(folder, 'copy', shard(2)))
    expect(path).toBe(first)
    await symlink(join(folder, 'copy'), join(folder, 'link'))
    expect((await library.import(join(folder, 'link', shard(1)))).id).toBe(id)
    expect((await library.import(join(folder, 'copy'))).id).toBe(id)
  })

  it('gives equal names different ids', async () => {
    const a = await library.import(await copyOf('qwen2', 'a/same'))
    const b = await library.import(await copyOf('qwen3', 'b/same'))
    expect([a.id, b.id]).toEqual(['same', 'same-2'])
  })

  it('reads every architecture of the tiny checkpoints', async () => {
    const names = [
      'bloom-alibi',
      'gemma3',
      'gpt2',
      'llama3-rope-scaled',
      'mistral-sliding-mqa',
      'opt',
      'qwen2',
      'qwen3',
    ]
    for (const name of names) {
      const detail = await library.get((await library.import(join(tiny, name))).id)
      expect(modelDetail.parse(detail).architecture).toBe(name.split('-')[0].replace('llama3', 'llama'))
      expect(detail.memoryPlan.weightsBytes).toBeGreaterThan(0)
    }
  })

  it.each([
    ['a file that is no model', 'notes.gguf', Buffer.from('not a model'), 'invalid_file'],
    ['an empty file', 'empty.gguf', Buffer.alloc(0), 'invalid_file'],
    ['a text', 'notes.txt', Buffer.from('hello'), 'unsupported'],
  ])('refuses %s with one error and stores nothing', async (_what, name, content, code) => {
    await writeFile(join(folder, name), content)
    await expect(library.import(join(folder, name))).rejects.toMatchObject({ name: 'MoruError', code })
    expect(store.models.list()).toEqual([])
  })

  it('refuses a truncated model, a missing shard, a missing config.json, a vocabulary, and nothing', async () => {
    const cut = await copyOf('llama-gqa', 'cut')
    const weights = await readFile(join(cut, 'model.safetensors'))
    await writeFile(join(cut, 'model.safetensors'), weights.subarray(0, weights.length - 100))
    await expect(library.import(cut)).rejects.toMatchObject({ code: 'invalid_file' })
    const first = await copyOfBundled()
    await rm(join(folder, 'copy', shard(3)))
    await expect(library.import(first)).rejects.toMatchObject({ code: 'not_found', message: /shard/ })
    const bare = await copyOf('llama-gqa', 'bare')
    await rm(join(bare, 'config.json'))
    await expect(library.import(bare)).rejects.toMatchObject({ code: 'not_found', message: /config\.json/ })
    const vocabulary = resolve('tests/golden/tokenizers/sentencepiece/spm-bpe.gguf')
    await expect(library.import(vocabulary)).rejects.toMatchObject({ code: 'unsupported', message: /vocabulary/ })
    await expect(library.import(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'not_found' })
    await expect(library.import(folder)).rejects.toMatchObject({ code: 'invalid_input', message: /no model/ })
    expect(store.models.list()).toEqual([])
  })
})

it('gives imports at the same moment different ids, and one path one row', async () => {
  const paths = [await copyOf('qwen2', 'a/same'), await copyOf('qwen3', 'b/same')]
  const ids = (await Promise.all([...paths, ...paths].map((path) => library.import(path)))).map(({ id }) => id)
  expect(new Set(ids)).toEqual(new Set(['same', 'same-2']))
  expect(store.models.list()).toHaveLength(2)
})

/** A GGUF file of a llama with one layer. */
function tinyGguf(more: [string, Value][] = []): Uint8Array {
  const metadata: [string, Value][] = [
    ['general.architecture', text('llama')],
    ['llama.embedding_length', u32(8)],
    ['llama.block_count', u32(1)],
    ['llama.attention.head_count', u32(2)],
    ['llama.feed_forward_length', u32(16)],
    ['llama.context_length', u32(64)],
    ['llama.attention.layer_norm_rms_epsilon', f32(1e-5)],
    ['llama.vocab_size', u32(4)],
    ...more,
  ]
  return writeGguf({ metadata, tensors: [counting('token_embd.weight', [8, 4])] }).bytes
}

describe('GGUF files', () => {
  it('of Ollama, which have no extension, are named by their manifest', async () => {
    const blob = join(folder, 'models/blobs', `sha256-${'a'.repeat(64)}`)
    await mkdir(join(folder, 'models/blobs'), { recursive: true })
    await writeFile(blob, tinyGguf())
    const manifest = join(folder, 'models/manifests/registry.ollama.ai/library/exaone/1b')
    await mkdir(join(manifest, '..'), { recursive: true })
    const layer = { mediaType: 'application/vnd.ollama.image.model', digest: `sha256:${'a'.repeat(64)}` }
    await writeFile(manifest, JSON.stringify({ layers: [layer] }))
    const summary = await library.import(blob)
    expect(summary).toMatchObject({ id: 'exaone-1b', name: 'exaone:1b', path: blob, chat: false, quantization: 'F32' })
    expect(summary.parameters).toBe(32)
    expect(summary.bitsPerWeight).toBe(32)
  })

  it('tell licence, file type (where the tensors bear it out) and a named chat template', async () => {
    const path = join(folder, 'x.gguf')
    const named: [string, Value][] = [
      ['general.license', text('mit')],
      ['general.file_type', u32(15)],
      ['tokenizer.chat_templates', texts(['tool'])],
      ['tokenizer.chat_template.tool', text('{{ messages }}')],
    ]
    await writeFile(path, tinyGguf(named))
    expect(await library.import(path)).toMatchObject({ id: 'x', license: 'mit', quantization: 'F32', chat: true })
    expect((await library.get('x')).chatTemplate).toBe('{{ messages }}')
  })

  it('beside a README have its licence; a folder with one of them stands for it', async () => {
    await mkdir(join(folder, 'one'))
    await writeFile(join(folder, 'one/y.gguf'), tinyGguf())
    await writeFile(join(folder, 'one/README.md'), '---\nlicense: cc-by-4.0\n---\n# Y')
    expect(await library.import(join(folder, 'one'))).toMatchObject({ id: 'y', license: 'cc-by-4.0' })
  })
})

describe('files that change', () => {
  it('are marked when changed or gone, and right again after another import', async () => {
    const path = await copyOf('llama-gqa')
    const { id } = await library.import(path)
    const weights = join(path, 'model.safetensors')
    const available = async () => (await library.list()).find((model) => model.id === id)?.available
    expect(await available()).toBe(true)
    await utimes(weights, new Date(), new Date('2020-01-01'))
    expect(await available()).toBe(false)
    expect((await library.get(id)).available).toBe(false)
    await library.import(path)
    expect(await available()).toBe(true)
    await writeFile(join(path, 'chat_template.jinja'), '{{ messages }}')
    expect(await library.get(id)).toMatchObject({ chat: true, chatTemplate: '{{ messages }}' })
    await rename(path, `${path}-away`)
    expect(await available()).toBe(false)
    await expect(library.get(id)).rejects.toMatchObject({ code: 'not_found', message: /are gone/ })
    await expect(library.resolve(id)).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('the name of a model', () => {
  it('may be the path of a model that is not in the library', async () => {
    const path = await copyOf('gpt2')
    expect(await library.resolve(path)).toEqual({ id: path, name: 'gpt2', path })
    expect((await library.get(path)).id).toBe(path)
    expect(store.models.list()).toEqual([])
  })

  it('that is neither id nor path is answered with the ids there are', async () => {
    await expect(library.resolve('gpt-9')).rejects.toMatchObject({
      code: 'not_found',
      message: /smollm2-135m-instruct/,
    })
  })

  it('defaults to the model chosen in the settings', async () => {
    const { id } = await library.import(await copyOf('gpt2'))
    store.settings.update({ defaultModelId: id })
    expect((await library.resolve(null)).id).toBe(id)
    store.settings.update({ defaultModelId: 'gone' })
    expect((await library.resolve(null)).id).toBe(bundledId)
  })
})

describe('remove', () => {
  it('forgets an imported model and leaves its files, whatever is asked', async () => {
    const path = await copyOf('llama-gqa')
    const { id } = await library.import(path)
    await library.remove(id, true)
    expect(store.models.list()).toEqual([])
    expect((await stat(join(path, 'model.safetensors'))).isFile()).toBe(true)
    await expect(library.remove(id, false)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('deletes what was downloaded, its companions and empty folders, and nothing else', async () => {
    const path = await copyOf('llama-gqa', 'models/org/one')
    const other = await copyOf('gpt2', 'models/org/two')
    const { id } = await library.import(path, 'downloaded')
    await writeFile(join(path, 'my-notes.txt'), 'mine')
    await library.remove(id, true)
    await expect(stat(join(path, 'model.safetensors'))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(stat(join(path, 'config.json'))).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await readFile(join(path, 'my-notes.txt'), 'utf8')).toBe('mine')
    const second = await library.import(other, 'downloaded')
    for (const name of ['expected.json', 'expected.f32']) await rm(join(other, name), { force: true })
    await library.remove(second.id, true)
    await expect(stat(other)).rejects.toMatchObject({ code: 'ENOENT' })
    expect((await stat(join(folder, 'models'))).isDirectory()).toBe(true)
  })

  it('keeps the files when only forgetting is asked, or when they lie elsewhere than they seem', async () => {
    const path = await copyOf('llama-gqa', 'models/org/one')
    await library.remove((await library.import(path, 'downloaded')).id, false)
    expect((await stat(join(path, 'model.safetensors'))).isFile()).toBe(true)
    const outside = await copyOf('gpt2', 'outside')
    const { id } = await library.import(outside, 'downloaded')
    await library.remove(id, true)
    expect((await stat(join(outside, 'model.safetensors'))).isFile()).toBe(true)
  })
})

describe('the memory plan', () => {
  const load = loadSettings.parse({})
  const roomy = { maxBufferBytes: 4e9, maxBindingBytes: 128 * 2 ** 20, availableBytes: 8e9 }

  it('adds up, and a KV type of twice the size takes twice as much', async () => {
    limits = roomy
    const { memoryPlan: half } = await library.get(bundledId, { ...load, contextLength: 1000 })
    const { memoryPlan: full } = await library.get(bundledId, { ...load, contextLength: 1000, kvType: 'f32' })
    expect(half.totalBytes).toBe(half.weightsBytes + half.kvBytes + half.workspaceBytes)
    expect(half.kvBytes).toBe(1008 * half.kvBytesPerToken)
    expect(full.kvBytes).toBe(2 * half.kvBytes)
    expect(half.weightsBytes).toBeGreaterThan(85e6)
    expect(half.weightsBytes).toBeLessThan(105e6)
  })

  it('shortens the context to what fits, and refuses with figures what cannot fit', async () => {
    limits = { ...roomy, availableBytes: 200e6 }
    const { memoryPlan: shorter } = await library.get(bundledId, load)
    expect(shorter.fits).toBe(true)
    expect(shorter.contextLength).toBeLessThan(8192)
    expect(shorter.totalBytes).toBeLessThanOrEqual(200e6)
    const { memoryPlan: asked } = await library.get(bundledId, { ...load, contextLength: 8192 })
    expect(asked).toMatchObject({ fits: false, reason: expect.stringMatching(/200\.0 MB.*tokens would fit/) })
    limits = { ...roomy, availableBytes: 50e6 }
    expect((await library.get(bundledId, load)).memoryPlan).toMatchObject({ fits: false, reason: expect.stringMatching(/50\.0 MB.*smaller model/) }) // prettier-ignore
  })

  it('refuses a context whose layer passes one binding', async () => {
    limits = { ...roomy, maxBindingBytes: 1 << 20 }
    const { memoryPlan } = await library.get(bundledId, { ...load, contextLength: 8192 })
    expect(memoryPlan).toMatchObject({ fits: false, reason: expect.stringContaining('2730 tokens') })
  })
})
