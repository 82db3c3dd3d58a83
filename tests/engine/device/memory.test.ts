/** Memory that is not there: figures in the error, nothing held, the device as usable as before. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type MoruError } from '../../../src/shared/errors'
import { Gpu } from '../../../src/main/engine/device/gpu'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { Engine } from '../../../src/main/engine/runtime/engine'
import { ModelRunner } from '../../../src/main/engine/runtime/model-runner'
import { loadDecoder, readModelConfig } from '../../../src/main/engine/models/load-decoder'
import { golden, largestDifference, readFloats, readGolden } from '../golden'
import { type Expected, load, TinyModelFolder } from './tiny-engine'

const memoryBytes = 1 << 20
let gpu: Gpu
beforeAll(async () => {
  gpu = await Gpu.open({ memoryBytes })
})
afterAll(async () => {
  await gpu.idle()
  gpu.destroy()
})

const thrownBy = (work: Promise<unknown>): Promise<MoruError> =>
  work.then(
    () => Promise.reject(new Error('Nothing was thrown.')),
    (error: unknown) => error as MoruError,
  )

async function roundTrip(own: Gpu): Promise<number[]> {
  const source = await own.allocate('source', 16)
  const target = await own.allocate('target', 16, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST)
  own.write(source, 0, Uint32Array.of(1, 2, 3, 4))
  const encoder = own.device.createCommandEncoder()
  encoder.copyBufferToBuffer(source, 0, target, 0, 16)
  own.device.queue.submit([encoder.finish()])
  const bytes = await own.mapped(target, 16)
  own.release(source)
  own.release(target)
  return Array.from(new Uint32Array(bytes))
}

describe('allocation', () => {
  it('above what the engine may hold says how much is in use', async () => {
    const held = await gpu.allocate('held', 600_000)
    const error = await thrownBy(gpu.allocate('too much', 500_001))
    expect(error.code).toBe('out_of_memory')
    expect(error.message).toBe('too much needs 500,016 bytes of GPU memory, but 600,000 of 1,048,576 bytes are in use.')
    expect(error.details).toEqual({ label: 'too much', bytes: 500_016, allocatedBytes: 600_000 })
    gpu.release(held)
    expect(gpu.allocatedBytes).toBe(0)
    expect(await roundTrip(gpu)).toEqual([1, 2, 3, 4])
    expect(gpu.allocatedBytes).toBe(0)
  })

  it('above what one buffer may hold says so', async () => {
    const error = await thrownBy(gpu.allocate('giant', gpu.maxBufferBytes + 1))
    expect(error.code).toBe('out_of_memory')
    expect(error.message).toContain(`one buffer may hold ${gpu.maxBufferBytes.toLocaleString('en')} bytes here`)
    expect(await roundTrip(gpu)).toEqual([1, 2, 3, 4])
  })

  it('of a model that does not fit is refused with the plan, and leaves nothing behind', async () => {
    using folder = new TinyModelFolder()
    const engine = new Engine({ memoryBytes: 4 << 20 })
    const error = await thrownBy(load(engine, folder))
    expect(error.code).toBe('out_of_memory')
    expect(error.message).toMatch(/The model does not fit\. It needs [\d.]+ MB/)
    expect(engine.memoryBytes).toBe(0)
    expect(await roundTrip(await engine.open())).toEqual([1, 2, 3, 4])
    await engine.close()
  })

  it('of a cache that does not fit releases what it had taken', async () => {
    const own = await Gpu.open({ memoryBytes: 2 << 20 })
    const file = await openModelFile(golden('tiny-models', 'llama-gqa'))
    const decoder = await loadDecoder(own, file, await readModelConfig(file))
    const before = own.allocatedBytes
    const options = { activations: 'f32', kvType: 'f32', contextLength: 128, blocks: 8 } as const
    expect((await thrownBy(ModelRunner.open(own, decoder, options))).code).toBe('out_of_memory')
    expect(own.allocatedBytes).toBe(before)
    decoder.buffers.release()
    expect(own.allocatedBytes).toBe(0)
    await file.close()
    await own.idle()
    own.destroy()
  })
})

/** Binding sizes that hold one tile of the widest matrix. */
describe.each([
  ['llama-gqa', 24_576],
  ['gpt2', 49_152],
  ['bloom-alibi', 49_152],
])('%s in bindings of %i bytes', (name, maxBindingBytes) => {
  it('has its weights split, and gives the same logits', async () => {
    const own = await Gpu.open({ maxBindingBytes })
    const file = await openModelFile(golden('tiny-models', name))
    const decoder = await loadDecoder(own, file, await readModelConfig(file))
    expect(Math.max(...decoder.head.matrices.map((m) => m.pieces.length))).toBeGreaterThan(2)
    const options = { activations: 'f32', kvType: 'f32', contextLength: 48, blocks: 1 } as const
    const { input_ids } = readGolden<Expected>('tiny-models', name, 'expected.json')
    const reference = readFloats('tiny-models', name, 'expected.f32')
    const runner = await ModelRunner.open(own, decoder, options)
    const rows = await runner.logits([{ ids: input_ids.slice(0, 16), position: 0, blocks: [0], logits: 'all' }])
    const logits = rows.flatMap((row) => [...row])
    const scale = reference.reduce((most, v) => Math.max(most, Math.abs(v)), 1)
    expect(largestDifference(logits, reference.subarray(0, logits.length))).toBeLessThan(1e-3 * scale)
    runner.release()
    decoder.buffers.release()
    await file.close()
    await own.idle()
    own.destroy()
  })

  it('is refused where not even one tile fits, and leaves nothing behind', async () => {
    const own = await Gpu.open({ maxBindingBytes: maxBindingBytes - 4 })
    const file = await openModelFile(golden('tiny-models', name))
    const error = await thrownBy(loadDecoder(own, file, await readModelConfig(file)))
    expect(error.code).toBe('out_of_memory')
    expect(error.message).toContain(`too long for this adapter’s buffer bindings of ${maxBindingBytes - 4} bytes`)
    expect(own.allocatedBytes).toBe(0)
    await file.close()
    await own.idle()
    own.destroy()
  })
})
