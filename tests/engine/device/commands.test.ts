/** What goes wrong in commands is told with the kernel's name; what repeats is made once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BindingCache } from '../../../src/main/engine/device/bindings'
import { Gpu } from '../../../src/main/engine/device/gpu'
import { defineKernel } from '../../../src/main/engine/kernels/define-kernel'
import { foldGrid, PipelineCache, Recorder } from '../../../src/main/engine/kernels/recorder'
import './quick-shaders'

const source = `
struct Params { value: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<uniform> p: Params;
@compute @workgroup_size(1) fn main() { y[0] = p.value; }`

const fill = defineKernel({
  name: 'fill_one',
  source,
  inputs: {},
  outputs: { y: 'u32[4]' },
  params: { value: 'u32' },
  workgroups: () => 1,
  flops: () => 0,
  bytes: () => 4,
})

let gpu: Gpu
beforeAll(async () => {
  gpu = await Gpu.open()
})
afterAll(async () => {
  await gpu.idle()
  gpu.destroy()
})

describe('a broken shader', () => {
  it.each([
    ['that does not parse', source.replace('y[0] =', 'y[0] = oops +'), 'oops'],
    ['that binds another type than it uses', source.replace('p.value', '1.5f'), 'f32'],
  ])('%s is an internal error with the name of its kernel', async (_, broken, word) => {
    const own = await Gpu.open()
    const recorder = new Recorder(own)
    const y = await own.allocate('y', 16)
    recorder.run({ ...fill, name: 'broken_kernel', source: broken }, {}, { y }, { value: 1 })
    const thrown = await (async () => {
      recorder.submit()
      await own.idle()
    })().catch((error: unknown) => error)
    expect(thrown).toMatchObject({ code: 'internal' })
    expect(String(thrown)).toContain('broken_kernel')
    expect(String(thrown)).toContain(word)
    own.destroy()
  })

  it('a constant that is missing is named', async () => {
    const kernel = { ...fill, constants: ['WIDTH'] }
    expect(() => new PipelineCache(gpu).get(kernel, {})).toThrow('fill_one was called without its constant WIDTH')
  })
})

describe('bind groups', () => {
  const pipeline = () => new PipelineCache(gpu).get(fill, {}).pipeline

  it('are made once for the same buffers and parameters', async () => {
    const cache = new BindingCache(gpu.device)
    const own = pipeline()
    const [a, b] = [await gpu.allocate('a', 512), await gpu.allocate('b', 512)]
    const group = cache.group(own, 'k', [a], Uint32Array.of(1))
    expect(cache.group(own, 'k', [a], Uint32Array.of(1))).toBe(group)
    expect(cache.group(own, 'k', [a], Uint32Array.of(2))).not.toBe(group)
    expect(cache.group(own, 'k', [b], Uint32Array.of(1))).not.toBe(group)
    const slice = { buffer: a, offset: 256, size: 16 }
    expect(cache.group(own, 'k', [slice], Uint32Array.of(1))).not.toBe(group)
    expect(cache.group(own, 'k', [{ ...slice }], Uint32Array.of(1))).toBe(
      cache.group(own, 'k', [slice], Uint32Array.of(1)),
    )
    gpu.release(a)
    gpu.release(b)
  })

  it('of a released buffer are forgotten, others stay', async () => {
    const cache = new BindingCache(gpu.device)
    const own = pipeline()
    const [a, b] = [await gpu.allocate('a', 16), await gpu.allocate('b', 16)]
    const groups = [a, b].map((buffer) => cache.group(own, 'k', [buffer], Uint32Array.of(1)))
    cache.forget(a)
    expect(cache.group(own, 'k', [a], Uint32Array.of(1))).not.toBe(groups[0])
    expect(cache.group(own, 'k', [b], Uint32Array.of(1))).toBe(groups[1])
    gpu.release(a)
    gpu.release(b)
  })

  it('are dropped once there are very many, and work afterwards', async () => {
    const recorder = new Recorder(gpu)
    const y = await gpu.allocate('y', 16)
    const staging = await gpu.allocate('staging', 16, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST)
    const own = pipeline()
    const first = gpu.bindings.group(own, 'k', [y], Uint32Array.of(0))
    gpu.bindings.trim()
    expect(gpu.bindings.group(own, 'k', [y], Uint32Array.of(0))).toBe(first)
    for (let value = 1; value <= 20_000; value++) gpu.bindings.group(own, 'k', [y], Uint32Array.of(value))
    gpu.bindings.trim()
    expect(gpu.bindings.group(own, 'k', [y], Uint32Array.of(0))).not.toBe(first)
    recorder.run(fill, {}, { y }, { value: 77 })
    recorder.copy(y, 0, staging, 0, 4)
    recorder.submit()
    expect(new Uint32Array(await gpu.mapped(staging, 4))[0]).toBe(77)
    gpu.release(y)
    gpu.release(staging)
  })
})

describe('grids', () => {
  it('keep both sides within 65,535 and lose no workgroup', () => {
    for (const groups of [0, 1, 65_535, 65_536, 131_071, 4_000_000_007]) {
      const [x, y] = foldGrid(groups)
      expect(x).toBeLessThanOrEqual(65_535)
      expect(y).toBeLessThanOrEqual(65_535)
      expect(x * y).toBeGreaterThanOrEqual(groups)
      expect((x - 1) * y).toBeLessThan(Math.max(groups, 1))
    }
    expect(foldGrid([7, 9])).toEqual([7, 9])
  })
})
