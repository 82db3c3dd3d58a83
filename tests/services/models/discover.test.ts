import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { discoverModels } from '../../../src/main/models/discover'
import { ollamaName } from '../../../src/main/models/discover/ollama'
import { type Machine } from '../../../src/main/models/discover/places'
import { scanFolder } from '../../../src/main/models/discover/scan'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'moru-집 '))
})
afterEach(() => rm(home, { recursive: true }))

async function put(path: string, content: string | number = 10): Promise<string> {
  const file = join(home, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, typeof content === 'string' ? content : '')
  if (typeof content === 'number') await truncate(file, content)
  return file
}

const machine = (more: Partial<Machine> = {}): Machine => ({
  home,
  environment: {},
  platform: 'linux',
  systemOllama: [],
  ...more,
})
const found = async (more?: Partial<Machine>) =>
  (await discoverModels(machine(more))).map(({ path, ...model }) => ({ ...model, path: path.slice(home.length + 1) }))

const hash = (digit: string) => digit.repeat(64)
const manifest = (digest: string, mediaType = 'application/vnd.ollama.image.model') =>
  JSON.stringify({ schemaVersion: 2, layers: [{ mediaType: 'application/vnd.ollama.image.license', digest: `sha256:${hash('f')}`, size: 1 }, { mediaType, digest, size: 10 }] }) // prettier-ignore

describe('LM Studio', () => {
  it('is found in its folders, moved or chosen; shards are one model; projectors and half models are none', async () => {
    await put('.lmstudio/models/org/repo/모델-Q4_K_M.gguf', 100)
    await put('.lmstudio/models/org/repo/mmproj-model-f16.gguf', 100)
    await put('.lmstudio/models/org/big/big-00001-of-00002.gguf', 100)
    await put('.lmstudio/models/org/big/big-00002-of-00002.gguf', 50)
    await put('.lmstudio/models/org/half/half-00001-of-00002.gguf', 100)
    await put('.cache/lm-studio/models/org/old/old.gguf', 7)
    await put('.lmstudio/settings.json', JSON.stringify({ downloadsFolder: join(home, 'elsewhere') }))
    await put('elsewhere/org/x/chosen.gguf', 5)
    await put('.lmstudio-home-pointer', join(home, 'moved'))
    await put('moved/models/org/y/moved.gguf', 6)
    const app = 'lm-studio'
    expect((await found()).sort((a, b) => a.sizeBytes - b.sizeBytes)).toEqual([
      { app, name: 'chosen', sizeBytes: 5, path: 'elsewhere/org/x/chosen.gguf' },
      { app, name: 'moved', sizeBytes: 6, path: 'moved/models/org/y/moved.gguf' },
      { app, name: 'old', sizeBytes: 7, path: '.cache/lm-studio/models/org/old/old.gguf' },
      { app, name: '모델-Q4_K_M', sizeBytes: 100, path: '.lmstudio/models/org/repo/모델-Q4_K_M.gguf' },
      { app, name: 'big', sizeBytes: 150, path: '.lmstudio/models/org/big/big-00001-of-00002.gguf' },
    ])
  })

  it('offers safetensors folders, but not those whose weights MLX has quantized', async () => {
    await put('.lmstudio/models/org/plain/config.json', '{"model_type":"llama"}')
    await put('.lmstudio/models/org/plain/model.safetensors', 30)
    await put('.lmstudio/models/mlx/q4/config.json', '{"model_type":"llama","quantization":{"bits":4}}')
    await put('.lmstudio/models/mlx/q4/model.safetensors', 30)
    expect(await found()).toEqual([
      { app: 'lm-studio', name: 'plain', sizeBytes: 30, path: '.lmstudio/models/org/plain' },
    ])
  })
})

describe('Ollama', () => {
  it('is found through its manifests; tags that share weights count once', async () => {
    await put(`.ollama/models/blobs/sha256-${hash('a')}`, 1000)
    await put('.ollama/models/manifests/registry.ollama.ai/library/llama3.2/1b', manifest(`sha256:${hash('a')}`))
    await put('.ollama/models/manifests/registry.ollama.ai/library/llama3.2/latest', manifest(`sha256:${hash('a')}`))
    await put(`.ollama/models/blobs/sha256-${hash('b')}`, 2000)
    await put('.ollama/models/manifests/hf.co/org/repo/Q4_K_M', manifest(`sha256:${hash('b')}`))
    const models = await found()
    expect(models.map(({ name, sizeBytes }) => [name, sizeBytes]).sort()).toEqual([
      ['hf.co/org/repo:Q4_K_M', 2000],
      [expect.stringMatching(/^llama3\.2:(1b|latest)$/), 1000],
    ])
    expect(models.map((model) => model.path)).toContain(`.ollama/models/blobs/sha256-${hash('b')}`)
    expect(await ollamaName(join(home, `.ollama/models/blobs/sha256-${hash('b')}`))).toBe('hf.co/org/repo:Q4_K_M')
    expect(await ollamaName(join(home, 'other.gguf'))).toBeNull()
  })

  it('passes over broken, hostile and incomplete entries, and looks where OLLAMA_MODELS and the service keep theirs', async () => {
    const library = 'store/manifests/registry.ollama.ai/library'
    await put(`${library}/broken/latest`, '{"layers": [')
    await put(`${library}/escape/latest`, manifest('sha256:../../../../etc/passwd'))
    await put(`${library}/missing/latest`, manifest(`sha256:${hash('c')}`))
    await put(`${library}/tensors/latest`, manifest(`sha256:${hash('d')}`, 'application/vnd.ollama.image.tensor'))
    await put(`store/blobs/sha256-${hash('d')}`, 5)
    await put('service/manifests/registry.ollama.ai/library/gemma/2b', manifest(`sha256:${hash('e')}`))
    await put(`service/blobs/sha256-${hash('e')}`, 9)
    const environment = { OLLAMA_MODELS: join(home, 'store') }
    expect((await found({ environment, systemOllama: [join(home, 'service')] })).map((model) => model.name)).toEqual([
      'gemma:2b',
    ])
  })
})

describe('llama.cpp', () => {
  it('is found in its cache on every platform', async () => {
    await put('.cache/llama.cpp/a.gguf', 1)
    await put('Library/Caches/llama.cpp/b.gguf', 2)
    await put('local/llama.cpp/c.gguf', 3)
    await put('given/d.gguf', 4)
    const names = async (more: Partial<Machine>) => (await found(more)).map((model) => `${model.app} ${model.name}`)
    expect(await names({})).toEqual(['llama.cpp a'])
    expect(await names({ platform: 'darwin' })).toEqual(['llama.cpp b', 'llama.cpp a'])
    expect(await names({ platform: 'win32', environment: { LOCALAPPDATA: join(home, 'local') } })).toContain(
      'llama.cpp c',
    )
    expect(await names({ environment: { LLAMA_CACHE: join(home, 'given') } })).toContain('llama.cpp d')
  })
})

describe('the Hugging Face cache', () => {
  it('is found through its links, one commit a repository, and named by the repository', async () => {
    const hub = '.cache/huggingface/hub/models--org--tiny-llm'
    const blob = await put(`${hub}/blobs/abc`, 500)
    await put(`${hub}/refs/main`, 'newer')
    for (const commit of ['older', 'newer']) {
      await put(`${hub}/snapshots/${commit}/config.json`, '{"model_type":"qwen3"}')
      await symlink(blob, join(home, hub, 'snapshots', commit, 'model.safetensors'))
    }
    await symlink(join(home, 'gone'), join(home, hub, 'snapshots/newer/dangling.gguf'))
    await put('.cache/huggingface/hub/datasets--org--x/snapshots/1/data.gguf', 9)
    const app = 'hugging-face'
    expect(await found()).toEqual([{ app, name: 'tiny-llm', sizeBytes: 500, path: `${hub}/snapshots/newer` }])
  })

  it('is looked for where HF_HOME and HF_HUB_CACHE say, and a file is told once', async () => {
    const file = await put('hf/hub/models--org--a/snapshots/1/a.gguf', 5)
    await mkdir(join(home, '.cache/llama.cpp'), { recursive: true })
    await symlink(file, join(home, '.cache/llama.cpp/linked.gguf'))
    const environment = { HF_HOME: join(home, 'hf'), HF_HUB_CACHE: join(home, 'hf/hub') }
    expect((await found({ environment })).map(({ app, name }) => [app, name])).toEqual([['llama.cpp', 'linked']])
  })
})

describe('bounds', () => {
  it('end circles of links, great depths and great numbers', async () => {
    await put('tree/a/model.gguf', 5)
    await symlink(join(home, 'tree'), join(home, 'tree/a/loop'))
    await symlink('self', join(home, 'tree/self'))
    expect((await scanFolder(join(home, 'tree'))).map((model) => model.name)).toEqual(['model'])
    await put(`deep/${'d/'.repeat(20)}model.gguf`, 5)
    expect(await scanFolder(join(home, 'deep'))).toEqual([])
    for (let i = 0; i < 50; i++) await put(`many/${i}.gguf`, 1)
    expect(await scanFolder(join(home, 'many'), { depth: 1, entries: 20 })).toHaveLength(20)
  })

  it('stop when cancelled', async () => {
    await put('.lmstudio/models/a.gguf', 5)
    await expect(discoverModels(machine(), AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' })
  })
})
