// @ts-check
/**
 * Takes the pictures of docs/screenshots: the running product with a real conversation, in both languages and themes.
 * `node tests/e2e/screenshots.mjs [FOLDER]`; the answers are greedy, so that the same build draws the same pictures.
 */
import { mkdirSync } from 'node:fs'
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
  await page.locator('aside li input').fill(title)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: title }).waitFor()
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
  await go(page, '#/models', 'table a')
  const model = await page.getByRole('link', { name: /SmolLM2/ }).getAttribute('href')
  for (const language of /** @type {const} */ (['en', 'ko'])) {
    for (const [index, place] of places.entries()) await rename(page, place, conversations[index].titles[language])
    for (const theme of ['light', 'dark']) {
      await look(page, language, theme)
      const name = (/** @type {string} */ view) => `${view}-${language}-${theme}`
      await page.locator('section dl').first().waitFor()
      await shoot(page, name('settings'))
      await go(page, String(places.at(-1)), 'article + article')
      await shoot(page, name('chat'))
      await go(page, '#/models', 'table a')
      await shoot(page, name('models'))
      await go(page, String(model), 'table')
      await shoot(page, name('model'))
    }
  }
} finally {
  await browser.close()
  await product.stop()
}
