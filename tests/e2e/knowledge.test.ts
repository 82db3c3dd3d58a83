/** Documents asked: dropped on the window, indexed in view, answered with sources in two languages, and from the cache. */
import { type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { complaintsOf, openChromium, startProduct } from './product.mjs'

let product: Awaited<ReturnType<typeof startProduct>>
let browser: Browser
let page: Page
let complaints: string[]

const anvils = `# Anvils

## History
The first anvils were made of stone, then bronze, and later wrought iron with a steel face. The London pattern anvil became common in the 1700s and has a horn, a face, a heel, a hardy hole and a pritchel hole.

## Materials
Modern anvils are cast or forged from tool steel such as 4140 or H13. The face is hardened to about 52 HRC so that hammer blows do not leave dents.

## Sizes
A typical blacksmith's anvil weighs between 50 and 150 kilograms. The anvil of the Kyoto workshop weighs 212 kilograms and was bought in 1987.
`
const leave = `# 휴가 규정

## 제1장 연차 휴가
연차 휴가는 입사 후 1년이 지나면 15일을 받는다. 이후 2년마다 하루씩 늘어난다.

## 제2장 경조 휴가
본인 결혼에는 5일의 휴가를 준다. 배우자 출산에는 10일의 휴가를 준다.
`
/** Enough of other things for progress to be seen, and for finding to mean something. */
const plants = ['orchid', 'ginkgo', 'maple', 'pine', 'bamboo', 'lotus', 'azalea', 'camellia', 'magnolia', 'willow']
const others = Array.from({ length: 20 }, (_, i) => ({
  name: `garden-${i}.txt`,
  text: `The ${plants[i % 10]} of bed ${i + 1} was planted in ${1990 + i}. It is watered ${i + 2} times a month and stands beside the ${plants[(i + 3) % 10]}.\n`,
}))
const files = [
  { name: 'anvils.md', text: anvils },
  { name: '휴가규정.md', text: leave },
  { name: 'broken.pdf', text: '%PDF-1.7 broken' },
  ...others,
]

beforeAll(async () => {
  product = await startProduct()
  browser = await openChromium()
  page = await browser.newPage({ viewport: { width: 1280, height: 800 }, locale: 'en-US' })
  page.setDefaultTimeout(30_000)
  complaints = await complaintsOf(page)
  await page.goto(product.url)
})
afterAll(async () => {
  await browser?.close()
  await product?.stop()
})

const answers = () => page.getByRole('article', { name: 'Answer' })
const lastText = () => answers().last().innerText()

async function ask(text: string) {
  const before = await answers().count()
  await page.getByRole('textbox', { name: 'Message' }).fill(text)
  await page.keyboard.press('Enter')
  await answers().nth(before).waitFor()
  await expect.poll(() => answers().nth(before).getAttribute('aria-busy'), { timeout: 120_000 }).toBe('false')
}

it('makes a collection of what is dropped, and shows how far it is', async () => {
  await page.getByRole('link', { name: 'Knowledge' }).click()
  await page.getByRole('heading', { name: 'Ask your documents' }).waitFor()
  // Every word of progress that is shown, however briefly.
  await page.evaluate(() => {
    const seen: string[] = []
    Object.assign(window, { seen })
    new MutationObserver(() => {
      const now = document.querySelector('main [role="status"] p')?.textContent?.trim()
      if (now && now !== seen.at(-1)) seen.push(now)
    }).observe(document.body, { subtree: true, childList: true, characterData: true })
  })
  const transfer = await page.evaluateHandle((dropped) => {
    const data = new DataTransfer()
    for (const { name, text } of dropped) data.items.add(new File([text], name))
    return data
  }, files)
  await page.dispatchEvent('main', 'drop', { dataTransfer: transfer })
  await page.getByRole('textbox', { name: 'Name' }).fill('Workshop')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: '1 could not be read' }).waitFor()
  await expect.poll(() => page.getByRole('main').getByRole('progressbar').count(), { timeout: 120_000 }).toBe(0)
  const seen = await page.evaluate(() => (window as unknown as { seen: string[] }).seen)
  expect(
    seen.some((text) => /\d+ of 23 documents · [\d.]+\/s/.test(text)),
    seen.join(' | '),
  ).toBe(true)
  const row = (name: string) => page.getByRole('row').filter({ hasText: name })
  expect(await row('broken.pdf').innerText()).toMatch(/Failed[\s\S]*pdf/)
  expect(await row('휴가 규정').innerText()).toMatch(/Indexed[\s\S]*Korean/)
  expect(await row('Anvils').innerText()).toMatch(/Indexed[\s\S]*English/)
})

it('answers in English with a source that opens at its place', async () => {
  await page.getByRole('link', { name: 'Chat' }).click()
  await page.getByRole('checkbox', { name: /Workshop/ }).check()
  await ask('How much does the anvil of the Kyoto workshop weigh?')
  expect(await lastText()).toContain('212')
  await answers().last().locator('.citation').first().click()
  const reader = page.getByRole('dialog')
  await expect
    .poll(() => reader.locator('mark').innerText())
    .toContain('The anvil of the Kyoto workshop weighs 212 kilograms')
  expect(await reader.locator('header').innerText()).toContain('Anvils › Sizes')
  const inView = await reader.locator('mark').evaluate((mark) => {
    const { top, bottom } = mark.getBoundingClientRect()
    return top >= 0 && bottom <= innerHeight
  })
  expect(inView).toBe(true)
  await page.keyboard.press('Escape')
})

it('answers in Korean with what the documents say', async () => {
  await ask('배우자가 출산하면 휴가를 며칠 받나요?')
  expect(await lastText()).toContain('배우자 출산에는 10일의 휴가를 준다')
  await answers().last().locator('.citation').last().click()
  const reader = page.getByRole('dialog')
  await expect.poll(() => reader.locator('mark').innerText()).toContain('배우자 출산에는 10일의 휴가를 준다')
  expect(await reader.locator('header').innerText()).toContain('제2장 경조 휴가')
  await page.keyboard.press('Escape')
})

it('says when the documents do not answer', async () => {
  await ask('Who won the football world cup of 2010?')
  expect(await lastText()).toContain('The documents do not answer this question.')
})

it('answers again from the cache, in both languages, and says so', async () => {
  for (const question of [
    'How much does the anvil of the Kyoto workshop weigh?',
    '배우자가 출산하면 휴가를 며칠 받나요?',
  ]) {
    await ask(question)
    expect(await lastText()).toMatch(/From the answer cache · .* saved/)
  }
  await answers().last().getByRole('button', { name: 'Ask again' }).click()
  await answers().last().getByText('2 / 2').waitFor()
  await expect.poll(() => answers().last().getAttribute('aria-busy'), { timeout: 120_000 }).toBe('false')
  expect(await lastText()).not.toContain('From the answer cache')
})

it('keeps answers with their sources over a reload', async () => {
  const before = await page.getByRole('log').innerText()
  await page.reload()
  await answers().first().waitFor()
  expect(await page.getByRole('log').innerText()).toBe(before)
  await answers().first().locator('.citation').first().click()
  await expect.poll(() => page.getByRole('dialog').locator('mark').innerText()).toContain('212 kilograms')
  await page.keyboard.press('Escape')
})

it('shows the rankings, the map and the figures of the cache, without a complaint of the browser', async () => {
  await page.getByRole('link', { name: 'Knowledge' }).click()
  await page.getByRole('link', { name: 'Workshop' }).click()
  const parts = page.getByRole('navigation', { name: 'Parts of the collection' })
  await parts.getByRole('link', { name: 'Search' }).click()
  await page.getByRole('main').getByRole('searchbox').fill('heavy Kyoto anvil')
  await page.keyboard.press('Enter')
  for (const name of ['By words (BM25)', 'By meaning', 'Both, fused'])
    await page.getByRole('region', { name }).getByRole('listitem').first().getByText('Anvils').first().waitFor()
  await parts.getByRole('link', { name: 'Map' }).click()
  await page.getByRole('figure').locator('canvas').waitFor()
  await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Settings' }).click()
  const cache = page.getByRole('region', { name: 'Answer cache' })
  await expect.poll(() => cache.innerText()).toMatch(/Found again\s+2 of 4/)
  expect(complaints).toEqual([])
})
