// @ts-check
/**
 * Takes the pictures of docs/screenshots: the running product with a real conversation, in both languages and themes.
 * `node tests/e2e/screenshots.mjs [FOLDER]`; the answers are greedy, so that the same build draws the same pictures.
 */
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { openChromium, startProduct } from './product.mjs'

/** @typedef {import('playwright-core').Page} Page */

const folder = resolve(process.argv[2] ?? join(import.meta.dirname, '../../docs/screenshots'))
const size = { width: 1280, height: 800 }

/** The conversation on view, and one that is only in the list. The bundled model speaks English. */
const conversations = [
  { titles: { en: 'At the smithy', ko: '대장간 이야기' }, questions: ['What is an anvil?'] },
  {
    titles: { en: 'Paris and Python', ko: '파리와 파이썬' },
    questions: ['What is the capital of France?', 'Write a Python function that adds two numbers. Only code.'],
  },
]

/** Documents in both languages, for the views of a collection. */
const documents = {
  'anvils.md':
    "# Anvils\n\n## History\nThe first anvils were made of stone, then bronze, and later wrought iron with a steel face. The London pattern became common in the 1700s and has a horn, a face, a heel, a hardy hole and a pritchel hole.\n\n## Materials\nModern anvils are cast or forged from tool steel such as 4140 or H13. The face is hardened to about 52 HRC so that hammer blows do not leave dents.\n\n## Sizes\nA typical blacksmith's anvil weighs between 50 and 150 kilograms. The anvil of the Kyoto workshop weighs 212 kilograms and was bought in 1987.\n",
  'garden.txt':
    'The botanical garden in Suwon opened in 1998. It has twelve greenhouses and a collection of 3,400 orchids.\n\nVisitors can come from 9 am to 6 pm, and the garden is closed on Mondays. Tickets cost 7,000 won for adults.\n',
  'tools.csv': 'name,price,stock\nhammer,12000,14\ntongs,30000,6\nchisel,9000,31\n',
  '휴가규정.md':
    '# 휴가 규정\n\n## 제1장 연차 휴가\n연차 휴가는 입사 후 1년이 지나면 15일을 받는다. 이후 2년마다 하루씩 늘어나며 최대 25일까지 쓸 수 있다.\n\n## 제2장 경조 휴가\n본인 결혼에는 5일, 자녀 결혼에는 1일의 휴가를 준다. 배우자 출산에는 10일의 휴가를 준다.\n\n## 제3장 신청\n휴가는 최소 3일 전에 팀장에게 신청해야 한다. 급한 경우에는 당일 오전 9시까지 전화로 알린다.\n',
  'scan.pdf': '%PDF-1.7 broken',
}
const asked = {
  en: 'How much does the anvil of the Kyoto workshop weigh?',
  ko: '배우자가 출산하면 휴가를 며칠 받나요?',
}

/** Makes a collection of the documents. @param {Page} page @returns {Promise<string>} Its place. */
async function collect(page) {
  await go(page, '#/knowledge', 'main')
  const transfer = await page.evaluateHandle((files) => {
    const data = new DataTransfer()
    for (const [name, text] of Object.entries(files)) data.items.add(new File([text], name))
    return data
  }, documents)
  await page.dispatchEvent('main', 'drop', { dataTransfer: transfer })
  await page.locator('[role="dialog"] input').first().fill('Workshop')
  await page.keyboard.press('Enter')
  await page.locator('main table tbody tr').nth(4).waitFor()
  await page.waitForFunction(() => !document.querySelector('main [role="progressbar"]'))
  return new URL(page.url()).hash.replace(/\/documents$/, '')
}

/** A conversation that asks the collection in both languages. @param {Page} page @returns {Promise<string>} */
async function askDocuments(page) {
  await go(page, '#/chat', 'form textarea')
  await page.locator('aside input[type="checkbox"]').first().check()
  for (const question of [asked.en, asked.ko]) await ask(page, question)
  return new URL(page.url()).hash
}

/** @param {Page} page @param {string} hash @param {string} waitFor */
async function go(page, hash, waitFor) {
  await page.evaluate((to) => void (location.hash = to), hash)
  await page.locator(waitFor).first().waitFor()
}

/** @param {Page} page @param {string} text */
async function ask(page, text) {
  const before = await page.locator('article').count()
  await page.locator('form textarea').fill(text)
  await page.keyboard.press('Enter')
  await page
    .locator('article')
    .nth(before + 1)
    .waitFor()
  await page
    .locator('article[aria-busy="false"]')
    .nth(before / 2)
    .locator('ul')
    .first()
    .waitFor({ timeout: 120_000 })
}

/** @param {Page} page @param {string} language @param {string} theme */
async function look(page, language, theme) {
  await go(page, '#/settings', 'main select')
  await page.locator('main select').nth(0).selectOption(language)
  await page.locator('main select').nth(1).selectOption(theme)
  await page.waitForFunction((lang) => document.documentElement.lang === lang, language)
}

/** Everything drawn and nothing under way. @param {Page} page @param {string} name */
async function shoot(page, name) {
  await page.mouse.move(size.width / 2, size.height - 4)
  await page.evaluate(() => document.fonts.ready)
  await page.waitForTimeout(700)
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled', caret: 'hide' })
}

/** @param {Page} page @param {string[]} questions @returns {Promise<string>} The conversation's place. */
async function converse(page, questions) {
  await go(page, '#/chat', 'form textarea')
  await page.getByRole('spinbutton', { name: 'Temperature' }).fill('0')
  await page.getByRole('spinbutton', { name: 'Longest answer' }).fill('160')
  for (const question of questions) await ask(page, question)
  return new URL(page.url()).hash
}

/** @param {Page} page @param {string} place @param {string} title */
async function rename(page, place, title) {
  await go(page, place, 'article + article')
  await page.locator('[data-row][aria-current]').press('F2')
  await page.locator('aside li input:not([type="checkbox"])').fill(title)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: title }).waitFor()
}

/** Two models made of the bundled one, compared with it on a text. @param {Page} page @param {string} text A path. */
async function quantize(page, text) {
  await go(page, '#/quantize', 'select[aria-label="Method"]')
  await page.getByRole('combobox', { name: 'Method' }).first().selectOption('rtn')
  await page.getByRole('button', { name: 'Add recipe' }).click()
  await page.getByRole('combobox', { name: 'Method' }).nth(1).selectOption('q4_0')
  const comparison = page.getByRole('region', { name: 'Comparison with the original' })
  await comparison.getByRole('textbox').fill(text)
  await comparison.getByRole('spinbutton', { name: 'Windows' }).fill('2')
  await comparison.getByRole('spinbutton', { name: 'Tokens a window' }).fill('128')
  await page.getByRole('heading', { name: 'Comparison with the original' }).click()
  await page.getByRole('button', { name: 'Quantize with 2 recipes' }).click()
  await page.getByRole('region', { name: 'Under way' }).getByRole('article').nth(1).waitFor()
  await go(page, '#/quantize/results', 'main')
  await page.locator('tbody tr').filter({ hasText: '±' }).nth(1).waitFor({ timeout: 400_000 })
}

mkdirSync(folder, { recursive: true })
const product = await startProduct()
const browser = await openChromium()
try {
  const page = await browser.newPage({ viewport: size, locale: 'en-US', reducedMotion: 'reduce' })
  await page.goto(product.url)
  await look(page, 'en', 'light')
  const places = []
  for (const { questions } of conversations) places.push(await converse(page, questions))
  const collection = await collect(page)
  const sourced = await askDocuments(page)
  // Its path is in the pictures.
  const text = join(tmpdir(), 'evaluation.txt')
  copyFileSync(join(import.meta.dirname, '../../resources/calibration/calibration-en.txt'), text)
  await quantize(page, text)
  await go(page, '#/models', 'table a')
  const model = await page.getByRole('link', { name: 'SmolLM2-135M-Instruct.Q4_1', exact: true }).getAttribute('href')
  for (const language of /** @type {const} */ (['en', 'ko'])) {
    for (const [index, place] of places.entries()) await rename(page, place, conversations[index].titles[language])
    for (const theme of ['light', 'dark']) {
      await look(page, language, theme)
      const name = (/** @type {string} */ view) => `${view}-${language}-${theme}`
      await page.locator('section dl').first().waitFor()
      await shoot(page, name('settings'))
      await go(page, String(places.at(-1)), 'article + article')
      await shoot(page, name('chat'))
      await go(page, sourced, 'article + article .citation')
      await shoot(page, name('documents'))
      await page.locator('.citation').last().click()
      await page.locator('[role="dialog"] mark').waitFor()
      await shoot(page, name('reader'))
      await page.keyboard.press('Escape')
      await go(page, collection, 'main table tbody tr')
      await shoot(page, name('knowledge'))
      await go(page, `${collection}/search?q=${encodeURIComponent(asked[language])}`, 'section:nth-of-type(3) li')
      await shoot(page, name('search'))
      await go(page, `${collection}/map`, 'figure canvas')
      await shoot(page, name('map'))
      await go(page, '#/quantize/results', 'figure canvas')
      await shoot(page, name('quantize'))
      await go(page, '#/quantize/matrices', 'figure canvas >> nth=3')
      await page.locator('figure canvas').nth(3).scrollIntoViewIfNeeded()
      await shoot(page, name('matrix'))
      await go(page, '#/logs', 'main')
      await shoot(page, name('logs'))
      await go(page, '#/models', 'table a')
      await shoot(page, name('models'))
      await go(page, String(model), 'table')
      await shoot(page, name('model'))
    }
  }
} finally {
  await browser.close()
  await product.stop()
  rmSync(join(tmpdir(), 'evaluation.txt'), { force: true })
}
