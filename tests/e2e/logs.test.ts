/**
 * The logs of a real profile in Chromium: what a chat left there is found, opened, judged, asked again, compared, deleted and
 * exported; its runs are compared and exported.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { drawn, explained } from './charts'
import { complaintsOf, openChromium, startProduct } from './product.mjs'

const exported = mkdtempSync(join(tmpdir(), 'moru-logs-'))
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
  rmSync(exported, { recursive: true, force: true })
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

it('exports what is listed, a call a line, without what was redacted', async () => {
  await page.getByRole('button', { name: 'Export', exact: true }).click()
  const saved = page.waitForEvent('download')
  await page.getByRole('menuitem', { name: 'JSON Lines' }).click()
  const lines = (await readFile(await (await saved).path(), 'utf8')).trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual(['chat'])
  expect(lines[0]).not.toContain('hf_')
})

it('compares runs in a chart and figures, and exports them for MLflow', { timeout: 300_000 }, async () => {
  await page.getByRole('link', { name: 'Runs' }).click()
  await page.getByText('No run yet').waitFor()
  await view('Profile').click()
  await page.getByRole('link', { name: 'Scheduler' }).click()
  for (const slots of ['1', '2']) {
    await page.getByRole('spinbutton', { name: 'Requests' }).fill('1')
    await page.getByRole('spinbutton', { name: 'Slots' }).fill(slots)
    await page.getByRole('button', { name: 'Run all three' }).click()
    await page.getByRole('button', { name: 'Cancel' }).waitFor()
    await page.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'detached', timeout: 120_000 })
  }
  await view('Logs').click()
  await page.getByRole('link', { name: 'Runs' }).click()
  const boxes = page.getByRole('checkbox', { name: /^Choose/ })
  await expect.poll(() => boxes.count()).toBe(2)
  for (const box of await boxes.all()) await box.check()
  const metric = 'policies.continuous.tokensPerSecond'
  await page.getByRole('combobox', { name: 'Figure to draw' }).selectOption(metric)
  await drawn(page, 'Runs side by side')
  await explained(page, { 'Runs side by side': ['Runs', `${metric} (tokens/s)`] })
  expect(await page.getByRole('table', { name: 'Parameters' }).innerText()).toContain('slots')
  expect(await page.getByRole('table', { name: 'Results' }).innerText()).toContain(metric)

  const folder = join(exported, 'mlruns')
  await page.getByRole('button', { name: 'Export for MLflow' }).click()
  await page.getByRole('dialog').getByRole('textbox').fill(folder)
  await page.getByRole('dialog').getByRole('button', { name: 'Export for MLflow' }).click()
  await page.getByText('2 runs exported.').waitFor()
  const files = readdirSync(folder, { recursive: true }).map(String)
  expect(files.filter((name) => name.endsWith(`metrics/${metric}`))).toHaveLength(2)
})

it('has nothing to complain about', () => {
  expect(complaints).toEqual([])
})
