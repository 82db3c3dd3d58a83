/** A person's first quarter of an hour: the product started with its own command and used in Chromium, with a real model. */
import { readFileSync } from 'node:fs'
import { type Browser, type CDPSession, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { complaintsOf, openChromium, startProduct } from './product.mjs'

let product: Awaited<ReturnType<typeof startProduct>>
let browser: Browser
let page: Page
let keys: CDPSession
let complaints: string[]

beforeAll(async () => {
  product = await startProduct()
  browser = await openChromium()
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US' })
  page = await context.newPage()
  page.setDefaultTimeout(30_000)
  complaints = await complaintsOf(page)
  keys = await context.newCDPSession(page)
})
afterAll(async () => {
  await browser?.close()
  await product?.stop()
})

const composer = () => page.getByRole('textbox', { name: 'Message' })
const questions = () => page.getByRole('article', { name: 'You' })
const answers = () => page.getByRole('article', { name: 'Answer' })
const rows = () => page.locator('[data-row]')
const facts = () => answers().last().getByRole('list', { name: 'Figures of this answer' })
const answered = () => expect.poll(() => answers().last().getAttribute('aria-busy'), { timeout: 60_000 }).toBe('false')
const lastAnswer = () => answers().last().locator('.markdown').innerText()

async function ask(text: string) {
  const before = await answers().count()
  await composer().fill(text)
  await composer().press('Enter')
  await answers().nth(before).waitFor()
}

/** Notes every length that the newest answer's text takes, and every word of progress before it. */
async function watchGrowth() {
  await page.evaluate(() => {
    const seen = { lengths: [] as number[], progress: [] as string[], beganAt: performance.now(), progressAt: 0 }
    Object.assign(window, { seen })
    new MutationObserver(() => {
      const answer = [...document.querySelectorAll('article[aria-busy="true"]')].at(-1)
      const text = answer?.querySelector('.markdown')?.textContent?.length ?? 0
      if (text > (seen.lengths.at(-1) ?? 0)) seen.lengths.push(text)
      const progress = answer?.querySelector('[role="progressbar"]')?.getAttribute('aria-label')
      if (progress && progress !== seen.progress.at(-1)) seen.progress.push(progress)
      if (progress && !seen.progressAt) seen.progressAt = performance.now()
    }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true })
  })
  return () =>
    page.evaluate(() => {
      const { lengths, progress, beganAt, progressAt } = (
        window as unknown as {
          seen: { lengths: number[]; progress: string[]; beganAt: number; progressAt: number }
        }
      ).seen
      return { lengths, progress, feedbackMs: progressAt - beganAt }
    })
}

it('prints an address that opens the window', async () => {
  expect(new URL(product.url).hostname).toBe('127.0.0.1')
  const response = await page.goto(product.url)
  expect(response?.status()).toBe(200)
  expect(response?.headers()['content-security-policy']).toContain("script-src 'self'")
  await page.getByRole('heading', { name: 'Ask a model on this machine' }).waitFor()
  // The token that let the browser in is not left in the address bar.
  expect(page.url()).not.toContain('token')
  expect(await page.title()).toContain('Moru')
})

it('answers a first question: progress at once, then text that grows, then its figures', async () => {
  const temperature = page.getByRole('spinbutton', { name: 'Temperature' })
  await temperature.fill('0')
  await temperature.press('Tab')
  const growth = await watchGrowth()
  await ask('What is the capital of France? Answer in two sentences.')
  await answered()
  const { lengths, progress, feedbackMs } = await growth()
  expect(feedbackMs).toBeLessThan(2000)
  expect(progress.some((text) => text.startsWith('Loading the model'))).toBe(true)
  expect(lengths.length).toBeGreaterThan(3)
  expect(await lastAnswer()).toContain('Paris')
  const figures = await facts().innerText()
  for (const figure of [/\d+ tokens/, /first token after [\d.]+ m?s/, /[\d.]+ tokens\/s/, /finished/, /SmolLM2/])
    expect(figures).toMatch(figure)
  expect(page.url()).toMatch(/#\/chat\/[\w-]+$/)
  expect(await rows().allInnerTexts()).toEqual(['What is the capital of France? Answer in two sentences.'])
})

it('answers a second turn from the cache', async () => {
  await ask('And what is the capital of Italy?')
  await answered()
  expect(await lastAnswer()).toContain('Rome')
  expect(await facts().innerText()).toMatch(/\d+ cached/)
  expect(await page.getByRole('meter', { name: 'Context' }).getAttribute('aria-valuenow')).not.toBe('0')
})

it('stops an answer where it is, and continues it', async () => {
  await ask('Write a long story about a blacksmith and his anvil.')
  await expect.poll(async () => (await lastAnswer().catch(() => '')).length, { timeout: 30_000 }).toBeGreaterThan(60)
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  const stoppedAt = performance.now()
  await answered()
  expect(performance.now() - stoppedAt).toBeLessThan(1500)
  await page.getByText('This answer was stopped.').waitFor()
  expect(await facts().innerText()).toContain('stopped')
  const kept = await lastAnswer()
  await page.getByRole('button', { name: 'Continue', exact: true }).click()
  await expect.poll(lastAnswer).toSatisfy((text: string) => text.length > kept.length + 20)
  expect((await lastAnswer()).startsWith(kept.slice(0, 50))).toBe(true)
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await answered()
})

it('answers again beside the first answer, and steps between the two', async () => {
  const first = answers().first()
  const original = await first.locator('.markdown').innerText()
  await first.hover()
  await first.getByRole('button', { name: 'Answer again' }).click()
  await first.getByText('2 / 2').waitFor()
  await answered()
  // At temperature 0 the same question has the same answer, also out of the cache.
  expect(await first.locator('.markdown').innerText()).toBe(original)
  expect(await answers().count()).toBe(1)
  await first.getByRole('button', { name: 'Previous version' }).click()
  await first.getByText('1 / 2').waitFor()
  expect(await answers().count()).toBe(3)
})

it('sends an edited question on a branch of its own', async () => {
  const question = questions().first()
  await question.hover()
  await question.getByRole('button', { name: 'Edit and send again' }).click()
  await page.getByRole('textbox', { name: 'Edit and send again' }).fill('What is the capital of Japan?')
  await question.getByRole('button', { name: 'Send', exact: true }).click()
  await question.getByText('2 / 2').waitFor()
  await answered()
  expect(await lastAnswer()).toContain('Tokyo')
  await question.getByRole('button', { name: 'Previous version' }).click()
  await expect.poll(() => answers().first().innerText()).toContain('Paris')
  await question.getByRole('button', { name: 'Next version' }).click()
  await expect.poll(() => answers().first().innerText()).toContain('Tokyo')
})

it('is at the same place with the same words after a reload', async () => {
  const before = { url: page.url(), text: await page.getByRole('log').innerText() }
  await page.reload()
  await answers().first().waitFor()
  expect(page.url()).toBe(before.url)
  expect(await page.getByRole('log').innerText()).toBe(before.text)
})

it('takes Hangul as it is composed, and finds it again', async () => {
  await page.getByRole('button', { name: 'New chat' }).first().click()
  await page.getByRole('heading', { name: 'Ask a model on this machine' }).waitFor()
  // The bundled model speaks English only: what it says to this is of no interest.
  await page.getByRole('spinbutton', { name: 'Longest answer' }).fill('24')
  await composer().focus()
  await compose(['ㅎ', '하', '한'])
  await compose(['ㄱ', '그', '글'])
  await compose(['ㅇ', '이', '인', '인ㅅ', '인사'])
  await keys.send('Input.imeSetComposition', { text: '마', selectionStart: 1, selectionEnd: 1 })
  // An Enter that ends a syllable belongs to the input method.
  const enter = { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229, nativeVirtualKeyCode: 229 }
  await keys.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...enter })
  await keys.send('Input.dispatchKeyEvent', { type: 'keyUp', ...enter })
  expect(await questions().count()).toBe(0)
  await keys.send('Input.insertText', { text: '말' })
  expect(await composer().inputValue()).toBe('한글인사말')
  await composer().press('Enter')
  await answers().first().waitFor()
  await answered()
  expect(await questions().first().innerText()).toBe('한글인사말')
  await expect.poll(() => rows().first().innerText()).toBe('한글인사말')
  const search = page.getByRole('searchbox', { name: 'Search chats' })
  for (const query of ['인사', '글인']) {
    await search.fill(query)
    await expect.poll(() => rows().count()).toBe(1)
    expect(await rows().first().innerText()).toContain('한글인사말')
  }
  await search.fill('Tokyo')
  await expect.poll(() => rows().first().innerText()).toContain('What is the capital of France?')
  await search.fill('no such word')
  await page.getByText('No chat contains this.').waitFor()
  await search.fill('')
  await expect.poll(() => rows().count()).toBe(2)
})

/** What an input method does: syllables that change as they are typed, then the last one stays. */
async function compose(steps: string[]) {
  for (const text of steps)
    await keys.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length })
  await keys.send('Input.insertText', { text: steps.at(-1)! })
}

it('renames, pins, exports, deletes and brings back', async () => {
  const row = page.getByRole('listitem').filter({ has: rows().filter({ hasText: 'What is the capital' }) })
  const menu = async (action: string) => {
    await row.hover()
    await row.getByRole('button', { name: /^Actions for/ }).click()
    await page.getByRole('menuitem', { name: action }).click()
  }
  await menu('Pin')
  await expect.poll(() => rows().first().innerText()).toContain('What is the capital')

  const downloads: Record<string, string> = {}
  for (const name of ['Export as Markdown', 'Export as JSON']) {
    const saving = page.waitForEvent('download')
    await menu(name)
    const download = await saving
    downloads[download.suggestedFilename().replace(/^.*\./, '')] = readFileSync(await download.path(), 'utf8')
  }
  expect(downloads.md).toContain('What is the capital of Japan?')
  expect(JSON.stringify(JSON.parse(downloads.json))).toContain('Paris')

  await menu('Rename')
  const name = page.getByRole('textbox', { name: 'Rename' })
  await name.fill('수도 이름')
  await name.press('Enter')
  await expect.poll(() => rows().first().innerText()).toBe('수도 이름')

  await rows().first().focus()
  await page.keyboard.press('Delete')
  await expect.poll(() => rows().count()).toBe(1)
  await page.getByRole('status').getByRole('button', { name: 'Undo' }).click()
  await expect.poll(() => rows().first().innerText()).toBe('수도 이름')
})

it('shows the exact prompt, and why each token', async () => {
  await rows().first().click()
  await answers().first().hover()
  await answers().first().getByRole('button', { name: 'Exact prompt' }).click()
  const dialog = page.getByRole('dialog', { name: 'Exact prompt' })
  await expect
    .poll(() => dialog.locator('pre').innerText())
    .toContain('<|im_start|>user\nWhat is the capital of Japan?')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'hidden' })

  await answers().first().getByRole('button', { name: 'Why this token?' }).click()
  const tokens = page.locator('[data-token]')
  await tokens.first().focus()
  await page.keyboard.press('ArrowRight')
  const card = page.getByRole('status').filter({ hasText: 'Next best' })
  await card.waitFor()
  expect(await card.getByRole('listitem').count()).toBe(5)
  const shares = (await card.innerText()).match(/[\d.]+%/g)!.map(Number.parseFloat)
  expect(shares).toHaveLength(6)
  // Greedy: the token taken is the likeliest.
  expect(shares[0]).toBe(Math.max(...shares))
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThan(100.5)
  await answers().first().getByRole('button', { name: 'Why this token?' }).click()
})

it('shows the bundled model with its tensors and its memory plan', async () => {
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Command palette' }).fill('models')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Models', exact: true }).waitFor()
  await page.getByRole('link', { name: /SmolLM2/ }).click()
  await page.getByRole('heading', { name: 'Tensors (272)' }).waitFor()
  await page.getByRole('searchbox', { name: 'Search tensors' }).fill('token_embd')
  expect(await page.getByRole('row').filter({ hasText: 'token_embd.weight' }).innerText()).toMatch(/49152 × 576/)
  const plan = page.getByRole('region', { name: 'Memory plan' })
  expect(await plan.innerText()).toMatch(/Weights\s+[\d.]+ MB\s+KV cache\s+[\d.]+ MB\s+Workspace\s+[\d.]+ MB/)
  expect(await page.getByRole('region', { name: 'Chat template' }).innerText()).toContain('im_start')
})

it('reports the adapter, and changes language and theme at once', async () => {
  await page.getByRole('link', { name: 'Settings' }).click()
  const adapter = page.getByRole('region', { name: 'Graphics adapter' })
  await expect.poll(() => adapter.innerText()).toMatch(/maxStorageBufferBindingSize/)
  await page.getByRole('combobox', { name: 'Language' }).selectOption({ label: '한국어' })
  await page.getByRole('heading', { name: '설정', level: 1 }).waitFor()
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('ko')
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const light = await background()
  await page.getByRole('combobox', { name: '테마' }).selectOption({ label: '어둡게' })
  await expect.poll(background).not.toBe(light)
  await page.reload()
  await page.getByRole('heading', { name: '설정', level: 1 }).waitFor()
  expect(await background()).not.toBe(light)
  await page.keyboard.press('Control+k')
  await page.keyboard.type('English')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Settings', level: 1 }).waitFor()
})

it('has nothing to complain about, and ends when told', async () => {
  expect(complaints).toEqual([])
  // Nor is it deaf: a script written into the page is refused, and heard of.
  await page.evaluate(() => document.body.append(Object.assign(document.createElement('script'), { text: '1' })))
  await expect.poll(() => complaints.join()).toContain('refused by the policy: script-src')
  expect(await product.stop()).toBe(0)
  expect(product.stderr()).not.toMatch(/error|warn|exception/i)
})
