/** What a person feels of the bundled model: the second turn, stopping, and memory as planned. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Engine, type LoadedModel, openModelFile, planMemory, readModelConfig } from '../../../src/main/engine'
import { loadSettings } from '../../../src/shared/contract/sampling'
import { answer, request, settledBlocks } from './tiny-models'

const path = 'resources/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1-00001-of-00003.gguf'
const engine = new Engine()
let model: LoadedModel
beforeAll(async () => {
  model = await engine.load(path, { load: loadSettings.parse({}) })
})
afterAll(() => engine.close())

const words = (count: number, seed = 0) =>
  Array.from({ length: count }, (_, i) => 1000 + ((i * 7919 + seed * 31) % 30_000))

it('takes the memory that the plan says', async () => {
  const file = await openModelFile(path)
  const config = await readModelConfig(file)
  const plan = planMemory(config, file.tensors.values(), loadSettings.parse({}), await engine.limits())
  await file.close()
  expect(model.contextLength).toBe(plan.contextLength)
  expect(Math.abs(engine.memoryBytes / plan.totalBytes - 1)).toBeLessThan(0.01)
})

it('answers the second turn of a 1,000-token conversation in at most a quarter of the first’s time', async () => {
  // Shaders are compiled by then, so that the first turn is not slow for a reason of its own.
  await answer(model, request(words(100, 5), { maxTokens: 3 }))
  const first = await answer(model, request(words(1000), { maxTokens: 12 }))
  const again = [...words(1000), ...first.finished.tokenIds, ...words(40, 9)]
  const second = await answer(model, request(again, { maxTokens: 2 }))
  expect(second.finished.usage.cachedTokens).toBeGreaterThanOrEqual(1000)
  expect(second.finished.ttftMs).toBeLessThan(first.finished.ttftMs / 4)
})

it('stops in the middle of a long prompt: the answer ends at once, the GPU soon after', async () => {
  const abort = new AbortController()
  let cancelledAt = 0
  for await (const event of model.generate(request(words(4000, 3), { signal: abort.signal }))) {
    if (event.kind === 'prefill' && cancelledAt === 0) {
      setTimeout(() => {
        cancelledAt = performance.now()
        abort.abort()
      }, 100)
    }
    if (event.kind === 'finished') expect(event.finishReason).toBe('cancelled')
  }
  expect(performance.now() - cancelledAt).toBeLessThan(200)
  expect(await settledBlocks(model)).toBe(0)
  // Steps aim at half a second; a machine that others use may take longer over one.
  expect(performance.now() - cancelledAt).toBeLessThan(3000)
})
