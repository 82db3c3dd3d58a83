/** The logs of a real profile in Chromium: what a chat left there is found, opened, judged, asked again, compared and deleted. */
import { type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { complaintsOf, openChromium, startProduct } from './product.mjs'

let product: Awaited<ReturnType<typeof startProduct>>
let browser: Browser
let page: Page
let complaints: string[]

beforeAll(async () => {
  product = await startProduct()
  browser = await openChromium()
  const context = await browser.newContext({ viewport: { width: 1024, height: 640 }, locale: 'en-US' })
  page = await context.newPage()
  page.setDefaultTimeout(30_000)
  complaints = await complaintsOf(page)
  await page.goto(product.url)
})
afterAll(async () => {
  await browser?.close()
  await product?.stop()
})

const view = (name: string) => page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name })
const call = () => page.getByRole('article', { name: 'Call' })

it('lists what was asked, live', async () => {
  await view('Logs').click()
  await page.getByText('Nothing was called yet').waitFor()
  await view('Chat').click()
  const temperature = page.getByRole('spinbutton', { name: 'Temperature' })
  await temperature.fill('0')
  await temperature.press('Tab')
  await page
    .getByRole('textbox', { name: 'Message' })
    .fill('What is the capital of France? One sentence. hf_abcdefghijklmnopqrst')
  await page.getByRole('textbox', { name: 'Message' }).press('Enter')
  await view('Logs').click()
  await page.locator('[data-index="0"]').waitFor()
  await expect.poll(() => page.locator('[data-index="0"]').innerText(), { timeout: 60_000 }).toMatch(/\d+ tokens/)
  expect(await page.locator('[data-index="0"]').innerText()).toContain('[redacted]')
})

it('shows every step, and finds the call by what came out', async () => {
  await page.getByRole('searchbox', { name: 'Search texts and errors' }).fill('paris')
  await page.getByText('1 call', { exact: true }).waitFor()
  await page.locator('[data-index="0"]').click()
  for (const step of ['Load model', 'Prompt', 'Prefill', 'Decode'])
    await call().getByRole('button', { name: step, exact: true }).waitFor()
  await call().getByRole('button', { name: 'Decode', exact: true }).click()
  await call().getByText('gen_ai.usage.output_tokens').waitFor()
  expect(await call().getByRole('region', { name: 'Output' }).innerText()).toContain('Paris')
  await call().getByRole('button', { name: 'Good' }).click()
  await expect.poll(() => call().getByRole('button', { name: 'Good' }).getAttribute('aria-pressed')).toBe('true')
})

it('asks again with other parameters and compares the two', async () => {
  await call().getByRole('button', { name: 'Ask again' }).click()
  await page.getByRole('spinbutton', { name: 'Longest answer' }).fill('4')
  await page.getByRole('dialog').getByRole('button', { name: 'Ask again' }).click()
  const comparison = page.getByRole('article', { name: 'Comparison' })
  await comparison.waitFor({ timeout: 60_000 })
  await expect.poll(() => comparison.innerText()).toContain('longest length reached')
  await comparison.getByRole('button', { name: 'Close' }).click()
})

it('opens the chat, and deletes the call for good', async () => {
  await call().getByRole('button', { name: 'Open the chat' }).click()
  await page.getByText('hf_abcdefghijklmnopqrst').first().waitFor()
  await page.goBack()
  await call().getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect.poll(() => page.locator('[data-index]').count()).toBe(1)
})

it('shows the runs with a chart in figures', async () => {
  await page.getByRole('link', { name: 'Runs' }).click()
  await page.getByText('No run yet').waitFor()
  expect(complaints).toEqual([])
})
