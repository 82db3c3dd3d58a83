/** A generation watched kernel by kernel: its parts add up, whatever the machine; what the figures are is the machine's business. */
import { afterAll, describe, expect, it } from 'vitest'
import { Engine, type GpuOptions, type LoadedModel, profileGeneration } from '../../../src/main/engine'
import { loadSettings } from '../../../src/shared/contract/sampling'
import { load, request, TinyModelFolder } from '../device/tiny-engine'

const folder = new TinyModelFolder()
afterAll(() => folder[Symbol.dispose]())

async function withModel<T>(options: GpuOptions, work: (model: LoadedModel) => Promise<T>): Promise<T> {
  const engine = new Engine(options)
  try {
    return await work(await load(engine, folder))
  } finally {
    await engine.close()
  }
}

const answer = async (model: LoadedModel, tokens: number) => {
  for await (const event of model.generate(request(tokens))) if (event.kind === 'finished') return event
  throw new Error('The answer never finished.')
}

const devices: [string, GpuOptions][] = [
  ['stamps', {}],
  ['submits', { withoutFeatures: ['timestamp-query'] }],
]

describe.each(devices)('timed by %s', (timing, options) => {
  it('accounts for every call and for all of the wall time', async () => {
    await withModel(options, async (model) => {
      const before = await answer(model, 6)
      const profile = await profileGeneration(model, request(6))
      expect(profile.timing).toBe(timing)
      expect(profile).toMatchObject({ promptTokens: before.usage.promptTokens, completionTokens: 6 })
      const kernelMs = profile.kernels.reduce((sum, k) => sum + k.elapsedMs, 0)
      const { wallMs, hostMs, gapMs, unattributedMs, host, gaps } = profile
      expect(kernelMs + gapMs + hostMs + unattributedMs).toBeCloseTo(wallMs, 6)
      expect(host.recordMs + host.submitMs + host.sampleMs + host.deliverMs).toBeCloseTo(hostMs, 6)
      expect(profile.profiling.stampsMs + profile.profiling.readMs).toBeCloseTo(profile.profilingMs, 6)
      expect(profile.rounds).toBeGreaterThan(0)
      expect(gaps.launchMs + gaps.betweenMs + gaps.wakeMs).toBeCloseTo(gapMs, 6)
      for (const part of [
        ...Object.values(host),
        ...Object.values(gaps),
        ...Object.values(profile.profiling),
        profile.stampCostMs,
        profile.plainWallMs,
      ])
        expect(part).toBeGreaterThanOrEqual(0)
      // Three layers: a token's attention is called three times a step; five steps decode.
      const attention = profile.kernels.find((k) => k.name === 'attention_f32' && k.phase === 'decode')
      expect(attention).toMatchObject({ calls: 15, arithmetic: 'f32' })
      for (const kernel of profile.kernels) {
        expect(kernel.elapsedMs, kernel.name).toBeGreaterThan(0)
        expect(kernel.shapes.reduce((sum, s) => sum + s.calls, 0)).toBe(kernel.calls)
        expect(kernel.shapes.reduce((sum, s) => sum + s.flops, 0)).toBe(kernel.flops)
        for (const shape of kernel.shapes)
          expect(timing === 'submits' ? ['submits'] : ['stamps', 'groups']).toContain(shape.timing)
      }
      // What was run again wrote over the cache: nothing of it may be found afterwards.
      expect((await answer(model, 6)).tokenIds).toEqual(before.tokenIds)
    })
  })
})

it('shows what stacked matrices bring: one by one there are more calls, and the same answer', async () => {
  const load = loadSettings.parse({ contextLength: 256, kvType: 'f32' })
  const found = []
  for (const fused of [true, false]) {
    const engine = new Engine()
    try {
      const model = await engine.load(folder.path, { load: { ...load, fused } })
      const { tokenIds } = await answer(model, 6)
      const { kernels } = await profileGeneration(model, request(3))
      const products = kernels.filter(({ name, phase }) => name.startsWith('matmul') && phase === 'decode')
      found.push({ tokenIds, calls: products.reduce((sum, k) => sum + k.calls, 0) })
    } finally {
      await engine.close()
    }
  }
  expect(found[1].tokenIds).toEqual(found[0].tokenIds)
  // Three layers of qkv, output, gate and up, down, and the head; two steps decode.
  expect(found.map(({ calls }) => calls)).toEqual([2 * (3 * 4 + 1), 2 * (3 * 7 + 1)])
})

it('gives a timeline whose events lie within the generation, kernels within their step', async () => {
  await withModel({}, async (model) => {
    const { timeline, wallMs, profilingMs, kernels } = await profileGeneration(model, request(4))
    expect(timeline.steps.map((s) => s.phase)).toEqual(['prefill', 'decode', 'decode', 'decode'])
    const gpu = timeline.events.filter((e) => e.lane === 'gpu')
    expect(gpu.length).toBe(kernels.reduce((sum, k) => sum + k.calls, 0))
    expect(gpu.some((e) => e.scope !== '')).toBe(true)
    for (const event of timeline.events) {
      expect(event.elapsedMs).toBeGreaterThanOrEqual(0)
      expect(event.beginMs).toBeGreaterThanOrEqual(0)
      // The turn after the last token may end when the reader has long left.
      if (event.name !== 'deliver') expect(event.beginMs).toBeLessThan((wallMs + profilingMs) * 1.5 + 50)
    }
    for (const { step, beginMs, elapsedMs } of gpu) {
      const own = timeline.steps[step]
      expect(beginMs).toBeGreaterThanOrEqual(own.beginMs - 1e-3)
      expect(beginMs + elapsedMs).toBeLessThanOrEqual(own.beginMs + own.elapsedMs + 1e-3)
    }
    expect(new Set(timeline.events.map((e) => e.name))).toContain('deliver')
  })
})

it('has the model alone: others wait, a second profile is refused, cancelling ends it', async () => {
  await withModel({}, async (model) => {
    const controller = new AbortController()
    let ended = false
    const profile = profileGeneration(model, { ...request(24), signal: controller.signal }).finally(
      () => (ended = true),
    )
    await expect(profileGeneration(model, request(2))).rejects.toMatchObject({ code: 'busy' })
    const other = answer(model, 2).then((event) => ({ event, after: ended }))
    await new Promise((resolve) => setTimeout(resolve, 100))
    controller.abort()
    await expect(profile).rejects.toMatchObject({ code: 'cancelled' })
    expect(await other).toMatchObject({ event: { finishReason: 'length' }, after: true })
    // Nothing of the profiler is left on the recorder.
    expect(model.runner.recorder.observer).toBeNull()
    expect(model.stepObserver).toBeNull()
  })
})
