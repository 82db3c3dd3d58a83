/** Loading and unloading: what is held afterwards, what is refused, and how the engine comes back from a lost device. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Engine, openModelFile, planMemory, readModelConfig } from '../../../src/main/engine'
import { answer, exact, idsOf, loadTiny, request, tinyModel } from './tiny-models'

const engine = new Engine()
afterAll(() => engine.close())

describe('loading', () => {
  it('takes what the plan says, and unloading gives it all back, again and again', async () => {
    const folder = await tinyModel()
    const file = await openModelFile(folder)
    const config = await readModelConfig(file)
    await engine.open()
    expect(engine.memoryBytes).toBe(0)
    for (const contextLength of [16, 100, 512, null]) {
      const load = { ...exact, contextLength }
      const plan = planMemory(config, file.tensors.values(), load, await engine.limits())
      const model = await engine.load(folder, { load })
      expect(Math.abs(engine.memoryBytes / plan.totalBytes - 1)).toBeLessThan(0.01)
      expect(model.settings).toEqual({ ...load, contextLength: plan.contextLength })
      await answer(model, request(idsOf(10), { maxTokens: 2 }))
      await engine.unload(model)
      expect(engine.memoryBytes).toBe(0)
      await expect(answer(model, request(idsOf(5)))).rejects.toMatchObject({ code: 'model_not_loaded' })
    }
    await file.close()
  })

  it('takes for an encoder what the plan says, and fills batches without passing its workspace', async () => {
    const folder = 'resources/models/all-minilm-l6-v2'
    const file = await openModelFile(folder)
    const plan = planMemory(await readModelConfig(file), file.tensors.values(), exact, await engine.limits())
    await file.close()
    expect(plan).toMatchObject({ kvBytesPerToken: 0, kvBytes: 0, fits: true })
    const encoder = await engine.loadEmbedder(folder)
    expect(Math.abs(engine.memoryBytes / plan.totalBytes - 1)).toBeLessThan(0.01)
    // Texts of one token and of one more than whole blocks take the most room for what they hold.
    const texts = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? '' : 'a '.repeat(15)))
    expect(await encoder.embed(texts)).toHaveLength(texts.length)
    await engine.unload(encoder)
    expect(engine.memoryBytes).toBe(0)
  })

  it('ends requests and scoring of a model that is unloaded meanwhile', async () => {
    const model = await loadTiny(engine)
    const asked = answer(model, request(idsOf(300), { maxTokens: 200 }))
    const scored = model.score(idsOf(400))
    const ended = Promise.allSettled([asked, scored])
    await new Promise((resolve) => setTimeout(resolve, 30))
    await engine.unload(model)
    for (const result of await ended)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'model_not_loaded' } })
    expect(engine.memoryBytes).toBe(0)
    const next = await loadTiny(engine)
    expect((await answer(next, request(idsOf(10)))).finished.tokenIds.length).toBeGreaterThan(0)
    await engine.unload(next)
  })

  it('leaves nothing behind when it is cancelled, at any moment', async () => {
    const folder = await tinyModel()
    const tiny = { load: exact }
    const before = new AbortController()
    before.abort()
    await expect(engine.load(folder, { ...tiny, signal: before.signal })).rejects.toMatchObject({ code: 'cancelled' })
    for (const share of [0.1, 0.5, 1]) {
      const abort = new AbortController()
      const onProgress = ({ loadedBytes, totalBytes }: { loadedBytes: number; totalBytes: number }) => {
        if (loadedBytes >= 0.95 * share * totalBytes) abort.abort()
      }
      const start = performance.now()
      await expect(engine.load(folder, { ...tiny, onProgress, signal: abort.signal })).rejects.toMatchObject({
        code: 'cancelled',
      })
      expect(performance.now() - start).toBeLessThan(5000)
      expect(engine.memoryBytes).toBe(0)
    }
  })

  it('leaves nothing behind when a tensor is missing or has another shape', async () => {
    const folder = await tinyModel()
    const path = join(folder, 'model.safetensors')
    const whole = await readFile(path)
    const headerLength = Number(whole.readBigUInt64LE(0))
    const header = JSON.parse(whole.subarray(8, 8 + headerLength).toString('utf8')) as Record<
      string,
      { shape: number[] }
    >
    const name = 'model.layers.2.mlp.down_proj.weight'
    const rewrite = async (change: (tensor: { shape: number[] }, all: typeof header) => void) => {
      const copy = structuredClone(header)
      change(copy[name], copy)
      const bytes = Buffer.from(JSON.stringify(copy).padEnd(headerLength, ' '))
      await writeFile(path, Buffer.concat([whole.subarray(0, 8), bytes, whole.subarray(8 + headerLength)]))
    }
    for (const change of [
      (tensor: { shape: number[] }) => tensor.shape.reverse(),
      (tensor: { shape: number[] }, all: typeof header) => {
        all[name.replace('down', 'gone')] = tensor
        delete all[name]
      },
    ]) {
      await rewrite(change)
      await expect(engine.load(folder, { load: exact })).rejects.toMatchObject({ code: 'invalid_file' })
      expect(engine.memoryBytes).toBe(0)
    }
  })
})

describe('memory', () => {
  it('is refused with the figures where a model does not fit, and a default context shrinks to what does', async () => {
    const folder = await tinyModel('bloom-alibi')
    const file = await openModelFile(folder)
    const config = { ...(await readModelConfig(file)), contextLength: 100_000 }
    const limits = { maxBufferBytes: 1e9, maxBindingBytes: 1e8, lanes: 8, stepTokens: 512 }
    const plan = (availableBytes: number | null, contextLength: number | null) =>
      planMemory(config, file.tensors.values(), { ...exact, contextLength }, { ...limits, availableBytes })
    const whole = plan(null, null)
    expect(whole).toMatchObject({ fits: true, contextLength: 100_000 })
    const half = plan(whole.totalBytes - whole.kvBytes / 2, null)
    expect(half.fits).toBe(true)
    expect(half.contextLength % 16).toBe(0)
    expect(half.contextLength).toBeGreaterThan(45_000)
    expect(half.totalBytes).toBeLessThanOrEqual(half.availableBytes!)
    const one = plan(half.totalBytes, half.contextLength + 16)
    expect(one.fits).toBe(false)
    expect(one.reason).toContain(`A context of ${half.contextLength} tokens would fit.`)
    expect(plan(whole.weightsBytes, null)).toMatchObject({ fits: false, contextLength: 512 })
    await file.close()

    const small = new Engine({ memoryBytes: plan(null, 512).totalBytes / 2 })
    await expect(small.load(folder, { load: { ...exact, contextLength: null } })).rejects.toMatchObject({
      code: 'out_of_memory',
      message: expect.stringMatching(/needs [\d.]+ MB .* allows [\d.]+ MB/) as string,
    })
    expect(small.memoryBytes).toBe(0)
    await small.close()
  })

  it('is not what a context beyond a table of positions lacks', async () => {
    const folder = await tinyModel('opt')
    await expect(engine.load(folder, { load: { ...exact, contextLength: 100_000 } })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('512 positions') as string,
    })
    expect(engine.memoryBytes).toBe(0)
  })
})

describe('the device', () => {
  it('computes in f32 where it lacks 16-bit floats, and says so', async () => {
    const plain = new Engine({ withoutFeatures: ['shader-f16'] })
    const model = await loadTiny(plain, { computeType: 'f16', kvType: 'f16' })
    expect(model.settings).toMatchObject({ computeType: 'f32', kvType: 'f16' })
    expect((await answer(model, request(idsOf(20)))).finished.tokenIds.length).toBeGreaterThan(0)
    await plain.close()
  })

  it('may be lost in the middle of an answer: the request fails, and the engine opens it again', async () => {
    const model = await loadTiny(engine)
    const gpu = await engine.open()
    const lost = (async () => {
      for await (const event of model.generate(request(idsOf(50), { maxTokens: 300, logitBias: { '77': 100 } })))
        if (event.kind === 'token') gpu.destroy()
    })()
    await expect(lost).rejects.toMatchObject({ code: 'device_lost' })
    await expect(answer(model, request(idsOf(5)))).rejects.toMatchObject({ code: 'device_lost' })
    expect(engine.adapter).toBeNull()
    const [again, same] = await Promise.all([engine.open(), engine.open()])
    expect(again).toBe(same)
    expect(again).not.toBe(gpu)
    expect(engine.memoryBytes).toBe(0)
    const next = await loadTiny(engine)
    expect((await answer(next, request(idsOf(50)))).finished.tokenIds.length).toBeGreaterThan(0)
    await engine.unload(next)
  })
})
