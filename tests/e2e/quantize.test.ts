/** Two recipes made of the bundled model and looked at in every way, in the product as a person starts it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { drawn, figuresOf } from './charts'
import { complaintsOf, openChromium, startProduct } from './product.mjs'

const folder = mkdtempSync(join(tmpdir(), 'moru-quantize-'))
const text = join(folder, 'text.txt')
let product: Awaited<ReturnType<typeof startProduct>>
let browser: Browser
let page: Page
let complaints: string[]

beforeAll(async () => {
  const sentences = Array.from(
    { length: 40 },
    (_, i) => `A smith has ${i + 2} hammers. The anvil stands beside the forge, and iron is shaped while it is hot.`,
  )
  writeFileSync(text, sentences.join(' '))
  product = await startProduct()
  browser = await openChromium()
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-US' })
  page = await context.newPage()
  page.setDefaultTimeout(60_000)
  complaints = await complaintsOf(page)
  await page.goto(product.url)
  await page.getByRole('link', { name: 'Quantize' }).click()
})
afterAll(async () => {
  await browser?.close()
  await product?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const tab = (name: string) =>
  page.getByRole('navigation', { name: 'Parts of Quantize' }).getByRole('link', { name }).click()
const figure = (name: string | RegExp) => page.getByRole('figure', { name })
it('plans two recipes, and says what they cannot show', async () => {
  await page.getByRole('combobox', { name: 'Method' }).first().selectOption('rtn')
  await page.getByRole('button', { name: 'Add recipe' }).click()
  await page.getByRole('combobox', { name: 'Method' }).nth(1).selectOption('q4_k')
  await page.getByText('The source is quantized already').first().waitFor()
  await page.getByText('q4_k becomes q5_0').waitFor()
  await page.getByRole('combobox', { name: 'Group' }).selectOption('128')
  await page.getByRole('alert').filter({ hasText: '576' }).waitFor()
  await page.getByRole('combobox', { name: 'Group' }).selectOption('64')
  // The quickest of GGUF's types.
  await page.getByRole('combobox', { name: 'Method' }).nth(1).selectOption('q4_0')
})

it('makes both, layer by layer, and compares them with the original', async () => {
  const comparison = page.getByRole('region', { name: 'Comparison with the original' })
  await comparison.getByRole('textbox').fill(text)
  await comparison.getByRole('spinbutton', { name: 'Windows' }).fill('2')
  await comparison.getByRole('spinbutton', { name: 'Tokens a window' }).fill('64')
  await page.getByRole('heading', { name: 'Comparison with the original' }).click()
  await page.getByRole('button', { name: 'Quantize with 2 recipes' }).click()
  await page.getByRole('region', { name: 'Under way' }).getByRole('article').nth(1).waitFor()
  await tab('Results')
  await expect.poll(() => page.locator('tbody tr').filter({ hasText: '±' }).count(), { timeout: 280_000 }).toBe(2)
  const rows = await page.locator('tbody tr').allInnerTexts()
  expect(rows.join('\n')).toMatch(/RTN 4 bits g64/)
  expect(rows.join('\n')).toMatch(/Q4_0/)
  await drawn(page, 'Size and quality')
  expect(await figuresOf(page, 'Size and quality')).toHaveLength(2)
})

it('looks into matrices down to single weights', async () => {
  await tab('Matrices')
  await drawn(page, 'Output error, by layer and matrix')
  for (const name of [
    'Weights, with the levels they may take',
    'Errors of the weights',
    'Before',
    'After',
    'Difference',
  ])
    await drawn(page, name)
  await page.getByText(/Each pixel is the mean of/).waitFor()
  for (let zooms = 0; zooms < 8 && (await page.getByText('Each pixel is one weight.').count()) === 0; zooms++) {
    await figure('Difference').getByRole('button', { name: 'Zoom into the middle' }).click()
    await page.waitForTimeout(300)
  }
  await page.getByText('Each pixel is one weight.').waitFor()
})

it('shows outlier channels, and where two answers part', async () => {
  await tab('Activations')
  await page.getByRole('spinbutton', { name: 'Windows' }).fill('1')
  await page.getByRole('spinbutton', { name: 'Tokens a window' }).fill('64')
  await page.getByRole('button', { name: 'Measure' }).click()
  await drawn(page, 'Largest input, by layer and matrix')
  await drawn(page, /^Largest input of each channel/)
  await tab('Side by side')
  const first = page.getByRole('combobox', { name: 'First model (the original)' })
  const second = page.getByRole('combobox', { name: 'Second model' })
  expect(await first.inputValue()).not.toBe(await second.inputValue())
  await page.getByRole('textbox', { name: 'Prompt' }).fill('What is an anvil?')
  await page.getByRole('spinbutton', { name: 'Longest answer' }).fill('12')
  await page.getByRole('button', { name: 'Compare' }).click()
  await drawn(page, 'What both predicted there')
  await drawn(page, 'Divergence, token by token')
})

it('takes a finished model to Chat', async () => {
  await tab('Results')
  await page.getByRole('button', { name: /^Chat with RTN/ }).click()
  await page.getByRole('textbox', { name: 'Message' }).waitFor()
  expect(await page.getByRole('combobox', { name: 'Model' }).locator('option:checked').innerText()).toMatch(/rtn/i)
})

it('has nothing to complain about', () => {
  expect(complaints).toEqual([])
})
