/** What bounds a kernel, by figures made up for the purpose. */
import { describe, expect, it } from 'vitest'
import { type KernelShare } from '../../../src/main/engine'
import { withKernels } from '../../../src/main/profile/device-ceilings'
import { kernelRows } from '../../../src/main/profile/report'
import { type Ceiling, type CeilingName } from '../../../src/shared/contract/ceilings'

const figure = (name: CeilingName, value: number, unit: Ceiling['unit']): Ceiling => ({ name, value, unit, spread: 0 })
const ceilings = [
  figure('stream_read', 10, 'GB/s'),
  figure('stream_copy', 8, 'GB/s'),
  figure('cache_read', 40, 'GB/s'),
  figure('multiply_add', 100, 'GFLOP/s'),
  figure('multiply_add_f16', 200, 'GFLOP/s'),
  figure('dot_int8', 400, 'GOP/s'),
  figure('dispatch', 20, 'us'),
]
const kernel = (change: Partial<KernelShare>): KernelShare => ({
  name: 'k',
  phase: 'decode',
  arithmetic: 'f32',
  calls: 1,
  elapsedMs: 1,
  flops: 0,
  bytes: 0,
  shapes: [],
  ...change,
})
const placed = (change: Partial<KernelShare>) => kernelRows([kernel(change)], ceilings)[0]

describe('a kernel is bounded by what takes longest at its peak rate', () => {
  it('memory: half of what a stream gives', () => {
    const row = placed({ bytes: 5e6, flops: 10e6 })
    expect(row).toMatchObject({ bound: 'memory', ceiling: 'stream_read', achieved: 0.5, intensity: 2 })
  })

  it('a cache, where bytes came faster than memory gives them', () => {
    expect(placed({ bytes: 20e6 })).toMatchObject({ bound: 'memory', ceiling: 'cache_read', achieved: 0.5 })
  })

  it.each([
    ['f32', 'multiply_add', 0.5],
    ['f16', 'multiply_add_f16', 0.25],
    ['int8', 'dot_int8', 0.125],
  ] as const)('compute in %s', (arithmetic, ceiling, achieved) => {
    expect(placed({ arithmetic, flops: 50e6, bytes: 1e5 })).toMatchObject({ bound: 'compute', ceiling, achieved })
  })

  it('the dispatch, where bytes and operations are few', () => {
    const row = placed({ calls: 10, elapsedMs: 0.4, bytes: 1e4, flops: 1e4 })
    expect(row).toMatchObject({ bound: 'fixed_cost', ceiling: 'dispatch', achieved: 0.5 })
  })
})

it('no dispatch costs more than the shortest call among many took', () => {
  const saved: Ceiling[] = []
  const store = { ceilings: { save: (_: unknown, own: readonly Ceiling[]) => void saved.push(...own) } } as unknown as Parameters<typeof withKernels>[0] // prettier-ignore
  const device = { adapter: 'a', driver: 'd', backend: 'Vulkan', software: true }
  const shape = (timing: 'groups' | 'stamps', elapsedMs: number): KernelShare['shapes'][number] => ({ shape: {}, grid: [1, 1], calls: 10, elapsedMs, flops: 0, bytes: 0, timing }) // prettier-ignore
  const known = { device, ceilings, measuredAt: 0 }
  const lowered = withKernels(store, known, [kernel({ shapes: [shape('groups', 0.16), shape('stamps', 0.1)] })])
  expect(lowered.ceilings.find((c) => c.name === 'dispatch')).toMatchObject({ value: 16, spread: 0.25 })
  expect(saved.map((c) => c.name)).toEqual(['dispatch'])
  expect(withKernels(store, known, [kernel({ shapes: [shape('groups', 0.5)] })]).ceilings).toEqual(ceilings)
})

it('shares add up to one, and a kernel that moves nothing has no intensity', () => {
  const rows = kernelRows([kernel({ elapsedMs: 3 }), kernel({ name: 'l', elapsedMs: 1 })], ceilings)
  expect(rows.map((row) => row.share)).toEqual([0.75, 0.25])
  expect(rows[0].intensity).toBe(0)
})
