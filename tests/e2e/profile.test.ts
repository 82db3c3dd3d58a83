/** A prompt profiled on the bundled model and looked at in every part, in the product as a person starts it. */
import { type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { drawn, explained, figuresOf } from './charts'
import { complaintsOf, openChromium, startProduct } from './product.mjs'

let product: Awaited<ReturnType<typeof startProduct>>
let browser: Browser
let page: Page
let complaints: string[]

beforeAll(async () => {
  product = await startProduct()
  browser = await openChromium()
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-US' })
  page = await context.newPage()
  page.setDefaultTimeout(60_000)
  complaints = await complaintsOf(page)
  await page.goto(product.url)
  await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Profile' }).click()
})
afterAll(async () => {
  await browser?.close()
  await product?.stop()
})

const part = (name: string) =>
  page.getByRole('navigation', { name: 'Parts of the profile' }).getByRole('link', { name }).click()
const tableRows = (name: string) => page.getByRole('table', { name }).locator('tbody tr')

it('profiles a prompt, and shows every kernel under its roof', async () => {
  await page.getByText('No profile yet').waitFor()
  await page.getByRole('banner').getByRole('button', { name: 'Profile a prompt' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('textbox', { name: 'Prompt' }).fill('The smith took the iron from the fire and')
  await dialog.getByRole('spinbutton', { name: 'Longest answer (tokens)' }).fill('4')
  await dialog.getByRole('button', { name: 'Start' }).click()
  await dialog.waitFor({ state: 'detached', timeout: 200_000 })
  await drawn(page, 'Roofline')
  await explained(page, { Roofline: ['Operations a byte (FLOP/B)', 'Operations a second (GFLOP/s)'] })
  const rows = await figuresOf(page, 'Roofline')
  expect(rows.some((row) => /matmul.*\bprefill\b/s.test(row))).toBe(true)
  expect(rows.some((row) => /matmul.*\bdecode\b/s.test(row))).toBe(true)
  const ceilings = page.getByRole('region', { name: 'Ceilings of this adapter' })
  await expect.poll(() => ceilings.innerText()).toMatch(/[\d,.]+ GB\/s ±/)
  await page.getByText('Profiling, beside the above').waitFor()
})

it('shows when what ran', async () => {
  await part('Timeline')
  await drawn(page, 'Timeline')
  await explained(page, { Timeline: ['Time since the request (ms)', 'Lane'] })
  const rows = await figuresOf(page, 'Timeline')
  for (const lane of ['Steps', 'Host', 'Submit', 'GPU'])
    expect(
      rows.some((row) => row.includes(lane)),
      lane,
    ).toBe(true)
})

it('lists the kernels, and opens one with its shapes', async () => {
  await part('Kernels')
  expect(await tableRows('Kernels').count()).toBeGreaterThan(5)
  await tableRows('Kernels').first().getByRole('button').click()
  const details = page.getByRole('region', { name: /decode|prefill/ })
  expect(await details.locator('tbody tr').count()).toBeGreaterThan(0)
})

it('measures batches', async () => {
  await part('Batch')
  for (const [field, value] of [
    ['Largest batch', '2'],
    ['Repetitions', '1'],
  ]) {
    // prettier-ignore
    await page.getByRole('spinbutton', { name: field }).fill(value)
    await page.getByRole('spinbutton', { name: field }).press('Tab')
  }
  await page.getByRole('button', { name: 'Measure batches' }).click()
  await page.getByRole('figure').first().waitFor({ timeout: 150_000 })
  await drawn(page, 'Throughput by batch size')
  await drawn(page, 'Throughput against latency')
  await explained(page, {
    'Throughput by batch size': ['Batch (sequences)', 'Throughput (tokens/s)'],
    'Throughput against latency': ['Time per token (ms)', 'Throughput (tokens/s)'],
  })
  expect(await figuresOf(page, 'Throughput by batch size')).toHaveLength(2)
})

it('runs the same requests three ways', async () => {
  await part('Scheduler')
  await page.getByRole('spinbutton', { name: 'Requests' }).fill('2')
  await page.getByRole('spinbutton', { name: 'Slots' }).fill('2')
  await page.getByRole('button', { name: 'Run all three' }).click()
  await page.getByRole('figure').first().waitFor({ timeout: 150_000 })
  const lanes = ['Time since the first request (ms)', 'Request']
  await explained(page, { 'Static batching': lanes, 'Dynamic batching': lanes, 'Continuous batching': lanes })
  for (const policy of ['Static batching', 'Dynamic batching', 'Continuous batching']) {
    await drawn(page, policy)
    expect(await figuresOf(page, policy)).toHaveLength(2)
  }
  expect(await tableRows('Totals by policy').count()).toBe(3)
})

it('shows what holds memory, and what keys and values cost', async () => {
  await part('Memory')
  await drawn(page, 'Memory')
  await explained(page, { Memory: ['Time of day', 'Memory (MB)'] })
  const rows = await figuresOf(page, 'Memory')
  expect(rows.length).toBeGreaterThan(0)
  expect(await tableRows('What keys and values cost').count()).toBe(3)
  await page.getByText('Filled from SmolLM2').waitFor()
})

it('has nothing to complain about', () => {
  expect(complaints).toEqual([])
})
