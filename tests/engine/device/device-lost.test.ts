/** A driver that goes away takes a request with it, not the engine. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MoruError } from '../../../src/shared/errors'
import { Engine } from '../../../src/main/engine/runtime/engine'
import { answer, expected, load, request, TinyModelFolder } from './tiny-engine'

const folder = new TinyModelFolder()
const engine = new Engine()
beforeAll(async () => {
  await engine.open()
})
afterAll(async () => {
  await (await engine.open()).idle()
  await engine.close()
  folder[Symbol.dispose]()
})

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing was thrown',
    (error: unknown) => (error instanceof MoruError ? error.code : String(error)),
  )

it('ends requests with device_lost, opens again, loads again and answers as before', async () => {
  const model = await load(engine, folder)
  const before = await answer(model, 8)
  expect(before).toEqual(expected.greedy_ids.slice(0, 8))
  const gpu = await engine.open()
  const broken = (async () => {
    let tokens = 0
    for await (const event of model.generate(request(200)))
      if (event.kind === 'token' && ++tokens === 3) gpu.device.destroy()
  })()
  expect(await codeOf(broken)).toBe('device_lost')
  expect(engine.adapter).toBeNull()
  expect(await codeOf(answer(model, 1))).toBe('device_lost')

  const again = await engine.open()
  expect(again).not.toBe(gpu)
  expect(again.allocatedBytes).toBe(0)
  expect(await answer(await load(engine, folder), 8)).toEqual(before)
})

it('fails what is waited for when the device goes', async () => {
  const gpu = await engine.open()
  const buffer = await gpu.allocate('lost', 1 << 20, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST)
  const mapped = gpu.mapped(buffer, 16)
  gpu.device.destroy()
  expect(await codeOf(mapped)).toBe('device_lost')
  expect(await codeOf(gpu.idle())).toBe('device_lost')
  expect(await codeOf(gpu.allocate('after', 16))).toBe('device_lost')
})
