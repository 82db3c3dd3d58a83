/** One engine shared by callers that want different things: the real engine, with the bundled model under two names. */
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import { type EngineStatus } from '../../../src/shared/contract/engine'
import { loadSettings, sampling } from '../../../src/shared/contract/sampling'
import { type LoadedChatModel } from '../../../src/main/chat'
import { Engine } from '../../../src/main/engine'
import { engineHandlers } from '../../../src/main/host/engine-handlers'
import { EngineService, type ModelSource } from '../../../src/main/host/engine-service'
import { bundledModels } from './composed'

const path = join(bundledModels, 'smollm2-135m-instruct', 'SmolLM2-135M-Instruct.Q4_1-00001-of-00003.gguf')
const models: ModelSource = {
  resolve: async (id) => ({ id, name: `model ${id}`, path }),
  contextLength: async (_, load) => load.contextLength!,
  defaultModelId: () => 'a',
  defaultEmbedderId: () => null,
}
const engine = new Engine()
const service = new EngineService(engine, models, pino({ level: 'silent' }))
afterAll(() => service.close())

const load = loadSettings.parse({ contextLength: 256 })
const never = new AbortController().signal
const nothing = () => undefined
/** The model, let go by the test's own call or, should it fail before, at its end. */
async function ensure(id: string, signal = never): Promise<LoadedChatModel> {
  const model = await service.ensureLoaded(id, load, nothing, signal)
  let released = false
  const release = () => {
    if (!released) model.release()
    released = true
  }
  onTestFinished(release)
  return { ...model, release }
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function answer(model: LoadedChatModel, question: string, maxTokens = 12): Promise<string> {
  const { ids } = model.template!.encode([{ role: 'user', content: question }], { addGenerationPrompt: true })
  const greedy = sampling.parse({ temperature: 0, maxTokens })
  let text = ''
  for await (const event of model.generate({ promptIds: ids, sampling: greedy, logprobs: null }))
    if (event.kind !== 'prefill') text += event.text
  return text
}

it('knows a model for prompts before it is loaded, as it is once it is', async () => {
  const before = await service.inspect('a', load, never)
  expect(service.status()).toMatchObject({ state: 'idle', model: null, memoryBytes: 0 })
  const model = await ensure('a')
  const after = await service.inspect('a', load, never)
  const messages = [{ role: 'user' as const, content: '안녕하세요, Moru?' }]
  const prompt = (known: typeof before) => known.template!.encode(messages, { addGenerationPrompt: true })
  expect(prompt(before)).toEqual(prompt(after))
  expect([before.name, before.contextLength]).toEqual(['model a', 256])
  expect([after.name, after.contextLength]).toEqual(['model a', 256])
  model.release()
})

it('names the adapter before its device is opened', async () => {
  const fresh = new EngineService(new Engine(), models, pino({ level: 'silent' }))
  expect(fresh.status()).toMatchObject({ state: 'idle', adapter: null })
  await fresh.probe()
  expect(fresh.status()).toMatchObject({ state: 'idle', adapter: expect.stringMatching(/./), memoryBytes: 0 })
  await fresh.close()
})

it('tells what it does: loading with progress, ready, generating, idle again', async () => {
  await service.unload()
  const controller = new AbortController()
  const states: EngineStatus[] = []
  const following = (async () => {
    for await (const status of service.follow(controller.signal)) states.push(status)
  })()
  const { modelsLoad, modelsUnload } = engineHandlers(service)
  const progress = []
  for await (const event of modelsLoad({ id: 'a', load }, { signal: never })) progress.push(event)
  expect(progress.length).toBeGreaterThan(1)
  for (const [i, event] of progress.entries()) {
    expect(event.loadedBytes).toBeGreaterThanOrEqual(progress[i - 1]?.loadedBytes ?? 1)
    expect(event.loadedBytes).toBeLessThanOrEqual(event.totalBytes)
    expect(event.bytesPerSecond).toBeGreaterThan(0)
  }
  expect(progress.at(-1)).toMatchObject({ loadedBytes: progress[0].totalBytes })
  const model = await ensure('a')
  expect(await answer(model, 'What is the capital of France?')).toContain('Paris')
  await answer(model, 'Count from one to fifty.', 40)
  model.release()
  await modelsUnload({}, { signal: never })
  await expect.poll(() => states.at(-1)?.state).toBe('idle')
  controller.abort()
  await following

  const order = states.map((s) => s.state).filter((state, i, list) => state !== list[i - 1])
  expect(order.slice(0, 3)).toEqual(['idle', 'loading', 'ready'])
  const generating = states.filter((s) => s.state === 'generating')
  expect(generating.length).toBeGreaterThan(0)
  expect(generating.every((s) => s.model?.id === 'a' && s.memoryBytes > 90e6)).toBe(true)
  expect(generating.some((s) => s.model!.kvBlocksUsed > 0 && s.model!.kvBlocksUsed <= s.model!.kvBlocksTotal)).toBe(
    true,
  )
  expect(states.at(-1)).toMatchObject({ state: 'idle', model: null, tokensPerSecond: null })
})

it('keeps a model until it is let go, and then makes room for the next, in the order of asking', async () => {
  const first = await ensure('a')
  const order: string[] = []
  const second = ensure('b').then((model) => (order.push('b'), model))
  const third = ensure('a').then((model) => (order.push('a'), model))
  expect(await answer(first, 'What is the capital of France?')).toContain('Paris')
  await pause(50)
  expect([order, service.status().model?.id]).toEqual([[], 'a'])
  first.release()
  const b = await second
  expect(service.status().model?.id).toBe('b')
  expect(await answer(b, 'What is the capital of France?')).toContain('Paris')
  b.release()
  ;(await third).release()
  expect(order).toEqual(['b', 'a'])
})

it('gives two callers of one model the same one, at once', async () => {
  const [one, two] = await Promise.all([ensure('a'), ensure('a')])
  const before = service.status().memoryBytes
  const questions = ['What is the capital of France?', 'What is the capital of Italy?']
  const together = await Promise.all([answer(one, questions[0]), answer(two, questions[1])])
  expect(together).toEqual([await answer(one, questions[0]), await answer(one, questions[1])])
  expect(service.status().memoryBytes).toBe(before)
  await expect(service.unload()).rejects.toMatchObject({ code: 'busy' })
  one.release()
  await expect(service.unload()).rejects.toMatchObject({ code: 'busy' })
  two.release()
  await service.unload()
  expect(service.status()).toMatchObject({ state: 'idle', model: null })
})

it('plans for the memory there is once the present model has made room', async () => {
  const empty = await service.limits()
  const model = await ensure('a')
  expect(await service.limits()).toEqual(empty)
  model.release()
})

it('can be cancelled while it waits and while it loads, and works afterwards', async () => {
  const holder = await ensure('a')
  const waits = new AbortController()
  const waiting = ensure('b', waits.signal)
  const queues = new AbortController()
  const queueing = ensure('b', queues.signal)
  setTimeout(() => queues.abort(), 20)
  await expect(queueing).rejects.toMatchObject({ code: 'cancelled' })
  waits.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' })
  holder.release()

  const loads = new AbortController()
  const begun = Promise.withResolvers<void>()
  const loading = service.ensureLoaded('b', load, () => begun.resolve(), loads.signal)
  await begun.promise
  const cancelledAt = performance.now()
  loads.abort()
  await expect(loading).rejects.toMatchObject({ code: 'cancelled' })
  expect(performance.now() - cancelledAt).toBeLessThan(1000)
  expect(service.status()).toMatchObject({ state: 'idle', model: null })
  const model = await ensure('b')
  expect(await answer(model, 'What is the capital of France?')).toContain('Paris')
  model.release()
})

it('comes back from a lost device with the next request, and says what happened until then', async () => {
  const model = await ensure('a')
  const writing = answer(model, 'Tell me a long story.', 200)
  const { device } = await engine.open()
  await pause(300)
  device.destroy()
  await expect(writing).rejects.toMatchObject({ code: 'device_lost' })
  expect(service.status().state).toBe('lost')
  model.release()
  const again = await ensure('a')
  expect(service.status().state).toBe('ready')
  expect(await answer(again, 'What is the capital of France?')).toContain('Paris')
  again.release()
})

it('notices a device that was lost while nobody used it, also when something else opens it first', async () => {
  const before = await ensure('a')
  before.release()
  const { device } = await engine.open()
  device.destroy()
  await device.lost
  await pause(10)
  expect(service.status().state).toBe('lost')
  await Promise.all([service.limits(), service.limits()])
  const again = await ensure('a')
  expect(await answer(again, 'What is the capital of France?')).toContain('Paris')
  again.release()
})
