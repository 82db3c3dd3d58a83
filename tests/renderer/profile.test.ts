import { flushPromises } from '@vue/test-utils'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { boundsOf, dotsOf, ridgesOf, roofsOf } from '../../src/renderer/views/profile/roofline'
import { aProfile, ceilings } from './host/profile-handlers'
import { openWindow } from './mount'

let close: () => void = () => {}
afterEach(() => {
  close()
  vi.restoreAllMocks()
  document.body.replaceChildren()
})

async function open(...args: Parameters<typeof openWindow>) {
  const window = await openWindow(...args)
  close = window.close
  return window
}
const text = () => document.body.textContent ?? ''
const button = (label: string) =>
  [...document.querySelectorAll<HTMLElement>('button')].find(
    (b) => b.textContent?.trim() === label || b.getAttribute('aria-label') === label,
  )
async function press(label: string) {
  await expect.poll(() => button(label), { message: label }).toBeTruthy()
  button(label)?.click()
  await flushPromises()
}
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
    expect(text()).toContain('Without profiling the same answer took 108 ms; profiling cost 9 ms')
  })

  test('lays a second run over the first, by its address', async () => {
    const other = aProfile({ runId: 'p2', title: 'f16', model: { id: 'f16', name: 'SmolLM2 F16' } })
    const window = await open('/profile?run=p1&with=p2', { profiles: [aProfile(), other] })
    await press('Show the figures as a table')
    await expect.poll(() => window.wrapper.findAll('figure tbody tr').length).toBe(6)
    expect(window.wrapper.findAll('figure tbody tr').at(-1)?.text()).toContain('B: SmolLM2 F16')
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
  const prompt = document.querySelector<HTMLTextAreaElement>('[role="dialog"] textarea')!
  prompt.value = '모루란 무엇인가?'
  prompt.dispatchEvent(new Event('input', { bubbles: true }))
  await flushPromises()
  await press('Start')
  await expect.poll(() => window.router.currentRoute.value.query.run).toBe('p9')
  await expect.poll(() => document.querySelector('figure canvas')).toBeTruthy()
  const { input } = window.host.asked.find((a) => a.route === 'profiler.run')!
  expect(input).toMatchObject({ prompt: '모루란 무엇인가?', maxTokens: 32, model: 'smollm2-135m-instruct' })
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
