import { afterEach, describe, expect, test, vi } from 'vitest'
import { boundsOf, dotsOf, ridgesOf, roofsOf } from '../../src/renderer/views/profile/roofline'
import { kvBytesPerToken, whatFits } from '../../src/renderer/views/profile/kv-memory'
import { aBatch, aProfile, aSchedule, ceilings } from './host/profile-handlers'
import { aJob, began } from './host/samples'
import { choose, open, press, text, type } from './page'

afterEach(() => void vi.restoreAllMocks())

/** What is handed out as files, by name. */
function savedFiles() {
  const files = new Map<string, string>()
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
    files.set(this.download, this.href)
  })
  return files
}
const read = async (url: string | undefined) => (await fetch(url ?? '')).text()

describe('the roofline', () => {
  test('is named, explained, drawn, and there as a table', async () => {
    const window = await open('/profile', { profiles: [aProfile()] })
    await expect.poll(() => document.querySelector('figure canvas')).toBeTruthy()
    expect(text()).toContain('those of the processor, not of a graphics card')
    expect(text()).toContain('The longest kernel is matmul_vec_q4 with 60%')
    expect(text()).toContain('not in the picture: gather_rows')
    expect(document.querySelector('figure [role="img"]')?.getAttribute('aria-label')).toBe('Roofline')
    await press('Show the figures as a table')
    const rows = window.wrapper.findAll('figure tbody tr').map((row) => row.text())
    expect(rows).toHaveLength(3)
    expect(rows[0]).toContain('matmul_vec_q4')
    // The parts of the wall time, the unattributed one among them.
    expect(text()).toContain('Not attributed')
    expect(text()).toContain('Without profiling the same answer took 108 ms')
    expect(text()).toContain('Profiling, beside the above9 ms')
  })

  test('lays a second run over the first, by its address', async () => {
    const other = aProfile({ runId: 'p2', title: 'f16', model: { id: 'f16', name: 'SmolLM2 F16' }, fused: false })
    const window = await open('/profile?run=p1&with=p2', { profiles: [aProfile(), other] })
    await press('Show the figures as a table')
    await expect.poll(() => window.wrapper.findAll('figure tbody tr').length).toBe(6)
    expect(window.wrapper.findAll('figure tbody tr').at(-1)?.text()).toContain('B: SmolLM2 F16 · unfused')
  })

  test('is saved as PNG, SVG and JSON', async () => {
    await open('/profile', { profiles: [aProfile()] })
    await expect.poll(() => document.querySelector('figure canvas')).toBeTruthy()
    const files = savedFiles()
    for (const label of ['Save the picture as PNG', 'Save the picture as SVG', 'Save as JSON']) await press(label)
    await expect.poll(() => files.get('roofline.png')).toMatch(/^blob:/)
    const svg = await read(files.get('roofline.svg'))
    expect(svg).toMatch(/^<svg /)
    expect(svg).toContain('Operations a byte (FLOP/B)')
    expect(svg).toContain('Operations a second (GFLOP/s)')
    expect(JSON.parse(await read(files.get('roofline.json')))).toMatchObject([{ runId: 'p1' }])
  })

  test('has slopes that meet the roofs at the ridge', () => {
    const bounds = boundsOf(ceilings, dotsOf(aProfile()))
    const roofs = roofsOf(ceilings, bounds)
    const read = roofs.find((r) => r.name === 'stream_read')
    for (const [x, y] of read?.line ?? []) expect(y / x).toBeCloseTo(24, 6)
    const flat = roofs.find((r) => r.name === 'multiply_add')
    expect(flat?.line.map((p) => p[1])).toEqual([140, 140])
    expect(ridgesOf(ceilings).find((r) => r.name === 'multiply_add')?.intensity).toBeCloseTo(140 / 24)
  })
})

test('an empty profile offers the first run; it is followed and then shown', async () => {
  const window = await open('/profile')
  await expect.poll(() => text()).toContain('No profile yet')
  await press('Profile a prompt')
  await expect.poll(() => document.querySelector('[role="dialog"] textarea')).toBeTruthy()
  await type('[role="dialog"] textarea', '모루란 무엇인가?')
  document.querySelector<HTMLInputElement>('[role="dialog"] input[type="checkbox"]')!.click()
  await press('Start')
  await expect.poll(() => window.router.currentRoute.value.query.run).toBe('p9')
  await expect.poll(() => document.querySelector('figure canvas')).toBeTruthy()
  const { input } = window.host.asked.find((a) => a.route === 'profiler.run')!
  expect(input).toMatchObject({
    load: { fused: false },
    prompt: '모루란 무엇인가?',
    maxTokens: 32,
    model: 'smollm2-135m-instruct',
  })
})

test('the timeline is drawn, added up by lane, and saved for Perfetto', async () => {
  const window = await open('/profile/timeline', { profiles: [aProfile()] })
  await expect.poll(() => document.querySelector('figure canvas')).toBeTruthy()
  expect(text()).toContain('2 steps, 4 events')
  await press('Show the figures as a table')
  const rows = () => window.wrapper.findAll('figure tbody tr').map((row) => row.text())
  expect(rows().some((row) => row.includes('matmul_tiled_q4') && row.includes('GPU'))).toBe(true)
  await window.wrapper.get('figure select').setValue('1')
  await expect.poll(() => rows().some((row) => row.includes('matmul_tiled_q4'))).toBe(false)
  const files = savedFiles()
  await press('Trace for Perfetto')
  const trace = JSON.parse(await read(files.get('timeline.trace.json')))
  expect(trace.traceEvents.filter((e: { ph: string }) => e.ph === 'X')).toHaveLength(6)
})

test('the kernels are sorted, searched, opened and saved', async () => {
  const window = await open('/profile/kernels', { profiles: [aProfile()] })
  const names = () => window.wrapper.findAll('main tbody tr').map((row) => row.find('button').text())
  await expect.poll(() => names()).toEqual(['matmul_vec_q4', 'matmul_tiled_q4', 'rms_norm', 'gather_rows'])
  await press('FLOP/B')
  expect(names()[0]).toBe('matmul_tiled_q4')
  await press('FLOP/B')
  expect(names()[0]).toBe('gather_rows')
  await window.wrapper.get('input[type="search"]').setValue('decode matmul')
  expect(names()).toEqual(['matmul_vec_q4'])
  await press('matmul_vec_q4')
  await expect.poll(() => text()).toContain('Bound by memory')
  expect(text()).toContain('rows 576, cols 1,536')
  const files = savedFiles()
  await press('CSV')
  const csv = await read(files.get('kernels.csv'))
  expect(csv.split('\r\n')[1]).toMatch(/^matmul_vec_q4,decode,100,60,/)
})

test('batches of the run history: throughput, latency, B* and the knee in words', async () => {
  const other = { ...aBatch, model: 'SmolLM2 F16', bitsPerWeight: 16, predictedBatch: 5.8, measuredKnee: null }
  const jobs = [aBatch, other].map((batch, i) =>
    aJob({ id: `b${i}`, kind: 'bench', state: 'done', result: { batch }, startedAt: began - i, endedAt: began }),
  )
  await open('/profile/batch', { jobs })
  await expect.poll(() => document.querySelectorAll('figure canvas').length).toBe(2)
  expect(text()).toContain('SmolLM2 135M Instruct (5 bits/weight): B* 2.1, measured knee 5.4.')
  const [, compare] = [...document.querySelectorAll<HTMLSelectElement>('main label select')]
  await choose(compare, 'b1')
  await expect.poll(() => text()).toContain('SmolLM2 F16 (16 bits/weight): B* 5.8, no knee within these sizes.')
  await press('Show the figures as a table')
  expect(document.querySelectorAll('figure tbody tr')).toHaveLength(6)
})

test('the scheduler runs the same requests three ways and shows what was wasted', async () => {
  const window = await open('/profile/scheduler')
  await expect.poll(() => text()).toContain('No comparison yet')
  await press('Run all three')
  await expect.poll(() => document.querySelectorAll('figure canvas').length).toBe(3)
  const rows = window.wrapper.findAll('main .card > table tbody tr').map((row) => row.text())
  expect(rows[0]).toContain('Static batching')
  expect(rows[0]).toContain('300 ms')
  expect(rows[2]).toContain('Continuous batching')
  expect(window.host.asked.find((a) => a.route === 'profiler.schedule')?.input).toMatchObject({ requests: 12, slots: 4, windowMs: 500 }) // prettier-ignore
  expect(aSchedule.policies).toHaveLength(3)
})

test('memory over time, and a calculator that is filled from the loaded model', async () => {
  const window = await open('/profile/memory')
  await expect.poll(() => document.querySelector('figure canvas')).toBeTruthy()
  expect(text()).toContain('vectors take 1.5 MB of a database of 4 MB')
  await expect.poll(() => text()).toContain('Filled from SmolLM2 135M Instruct.')
  const rows = () => window.wrapper.findAll('section .card tbody tr').map((row) => row.text())
  // 2 bytes x 2 x 30 layers x 3 heads x 64 dimensions = 23,040 bytes a token.
  expect(rows()[1]).toContain('23 kB')
  expect(rows()[0]).toContain('69.1 kB')
  expect(rows()[2]).toContain('7.68 kB')
})

test('keys and values by attention and type, and what fits', () => {
  const shape = { layers: 30, heads: 9, kvHeads: 3, headDim: 64 }
  expect(kvBytesPerToken(shape, 'gqa', 'f16')).toBe(23_040)
  expect(kvBytesPerToken(shape, 'mha', 'f32')).toBe(138_240)
  expect(kvBytesPerToken(shape, 'mqa', 'f16')).toBe(7_680)
  expect(whatFits(23_040 * 1000, 23_040, 200, 4)).toEqual({ tokensEach: 250, sequences: 5 })
  expect(whatFits(-5, 23_040, 200, 4)).toEqual({ tokensEach: 0, sequences: 0 })
})
