/** The window of the running product for everyone: by axe's rules, by keyboard alone, and with little room. */
import axe, { type AxeResults } from 'axe-core'
import { type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openChromium, startProduct } from './product.mjs'

let product: Awaited<ReturnType<typeof startProduct>>
let browser: Browser
let page: Page
/** The conversation's and the model's place in the address. */
const places = { conversation: '', model: '' }

beforeAll(async () => {
  product = await startProduct()
  browser = await openChromium()
  page = await browser.newPage({ viewport: { width: 1280, height: 800 }, locale: 'en-US', reducedMotion: 'reduce' })
  page.setDefaultTimeout(30_000)
  await page.goto(product.url)
  const composer = page.getByRole('textbox', { name: 'Message' })
  await composer.fill('Write `1 + 1` as a sum, then say 안녕하세요.')
  await composer.press('Enter')
  await page.getByRole('list', { name: 'Figures of this answer' }).waitFor()
  places.conversation = new URL(page.url()).hash
  await page.getByRole('link', { name: 'Models' }).click()
  await page.getByRole('link', { name: /SmolLM2/ }).click()
  await page.getByRole('heading', { level: 1, name: /SmolLM2/ }).waitFor()
  places.model = new URL(page.url()).hash
})
afterAll(async () => {
  await browser?.close()
  await product?.stop()
})

const close = () => page.keyboard.press('Escape')

/** Every view and everything that opens in one: how to get there, and how to leave. */
const views: { name: string; open: () => Promise<void>; leave?: () => Promise<void> }[] = [
  { name: 'a new chat', open: () => go('#/chat', '[role="textbox"], textarea') },
  { name: 'a conversation', open: () => go(places.conversation, 'article + article') },
  {
    name: 'the tokens of an answer',
    open: async () => {
      await go(places.conversation, 'article + article')
      await page.getByRole('button', { name: /Why this token|왜 이 토큰/ }).click()
      await page.locator('[data-token]').first().focus()
    },
  },
  {
    name: 'the exact prompt',
    open: async () => {
      await go(places.conversation, 'article + article')
      await page.getByRole('button', { name: /Exact prompt|실제 프롬프트/ }).click()
      await page.locator('[role="dialog"] pre').waitFor()
    },
    leave: close,
  },
  { name: 'the models', open: () => go('#/models', 'table a') },
  {
    name: 'the hub dialog',
    open: async () => {
      await go('#/models', 'table a')
      await page.getByRole('button', { name: /Download model|모델 다운로드/ }).click()
      await page.locator('[role="dialog"] input').waitFor()
    },
    leave: close,
  },
  {
    name: 'the import dialog',
    open: async () => {
      await go('#/models', 'table a')
      await page.getByRole('button', { name: /Import model|모델 가져오기/ }).click()
      await page.locator('[role="dialog"] input').waitFor()
    },
    leave: close,
  },
  { name: 'a model', open: () => go(places.model, 'table') },
  { name: 'the settings', open: () => go('#/settings', 'dl') },
  {
    name: 'the command palette',
    open: async () => {
      await page.keyboard.press('Control+k')
      await page.getByRole('option').first().waitFor()
    },
    leave: close,
  },
  {
    name: 'the engine',
    open: async () => {
      await page.locator('header button[aria-haspopup="dialog"]').click()
      // It is drawn out of sight first, to be measured.
      const top = async () => (await page.locator('[role="dialog"] dl').boundingBox())?.y ?? -1
      await expect.poll(top).toBeGreaterThan(0)
    },
    leave: close,
  },
]

async function go(hash: string, waitFor: string) {
  await page.evaluate((to) => void (location.hash = to), hash)
  await page.locator(waitFor).first().waitFor()
}

async function look(language: 'en' | 'ko', theme: 'light' | 'dark') {
  await go('#/settings', 'main select')
  await page.getByRole('combobox', { name: /Language|언어/ }).selectOption(language)
  await page.getByRole('combobox', { name: /Theme|테마/ }).selectOption(theme)
  await page.waitForFunction((lang) => document.documentElement.lang === lang, language)
}

/** Serious and critical findings, each with the element and what is wrong with it. */
async function findings(): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (on: Document, options: object) => Promise<AxeResults> } }
    return axe.run(document, { resultTypes: ['violations'] })
  })
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`))
}

describe.each(['en', 'ko'] as const)('in %s', (language) => {
  describe.each(['light', 'dark'] as const)('%s', (theme) => {
    it('axe finds nothing serious anywhere', async () => {
      await look(language, theme)
      for (const { name, open, leave } of views) {
        await open()
        expect(await findings(), name).toEqual([])
        await leave?.()
      }
    })
  })

  it.each([
    [1024, 640, 'the smallest window'],
    [640, 400, '1280x800 at 200 %'],
  ])('every control can be reached in %i x %i, %s', async (width, height) => {
    await look(language, 'light')
    await page.setViewportSize({ width, height })
    for (const { name, open, leave } of views) {
      await open()
      expect(await lostControls(), `${name} at ${width}x${height}`).toEqual([])
      await leave?.()
    }
    await page.setViewportSize({ width: 1280, height: 800 })
  })
})

/** Controls that cannot be scrolled to, are cut off, or lie under something else; and a page that scrolls sideways. */
function lostControls(): Promise<string[]> {
  return page.evaluate(() => {
    const lost: string[] = []
    const { scrollWidth, clientWidth } = document.documentElement
    if (scrollWidth > clientWidth) lost.push(`the page is ${scrollWidth} px wide, the window ${clientWidth} px`)
    const scope = document.querySelector('[role="dialog"]') ?? document.body
    for (const control of scope.querySelectorAll('button, a[href], input, select, textarea, [role="switch"]')) {
      if (!control.checkVisibility() || control.closest('.sr-only, [aria-hidden="true"]')) continue
      control.scrollIntoView({ block: 'nearest', inline: 'nearest' })
      const box = control.getBoundingClientRect()
      const label = control.getAttribute('aria-label') ?? control.textContent?.trim() ?? ''
      const words = `${control.tagName.toLowerCase()} "${label}" at ${Math.round(box.x)},${Math.round(box.y)}`
      if (box.left < 0 || box.right > innerWidth + 0.5) lost.push(`${words} reaches out of the window`)
      const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)
      if (!hit || !(control.contains(hit) || hit.contains(control)))
        lost.push(`${words} is under ${hit?.outerHTML.slice(0, 120) ?? 'the edge'}`)
    }
    return lost
  })
}

describe('by keyboard alone', () => {
  beforeAll(() => look('en', 'light'))

  it.each(['a conversation', 'the models', 'a model', 'the settings'])(
    'Tab reaches everything in %s, and shows where it is',
    async (name) => {
      await views.find((view) => view.name === name)!.open()
      const { unreached, unseen } = await walk()
      expect(unreached).toEqual([])
      expect(unseen).toEqual([])
    },
  )

  it('opens, uses and leaves menus and dialogs, and comes back to where it was', async () => {
    const focused = () =>
      page.evaluate(() =>
        (document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent)?.trim(),
      )
    await go(places.conversation, 'article + article')
    await page.locator('[data-row]').first().focus()
    await page.keyboard.press('Tab')
    const menu = await focused()
    expect(menu).toMatch(/^Actions for /)
    await page.keyboard.press('Enter')
    await page.getByRole('menu').waitFor()
    await expect.poll(focused).toBe('Rename')
    await page.keyboard.press('ArrowDown')
    await expect.poll(focused).toBe('Pin')
    await close()
    await expect.poll(focused).toBe(menu)

    await go('#/models', 'table a')
    await page.getByRole('button', { name: 'Import model' }).focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('INPUT')
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab')
      expect(await page.evaluate(() => document.activeElement?.closest('[role="dialog"]') !== null)).toBe(true)
    }
    await close()
    await expect.poll(focused).toBe('Import model')
  })
})

/** Presses Tab until the walk begins anew. What it should have come by and did not, and where nothing showed the focus. */
async function walk(): Promise<{ unreached: string[]; unseen: string[] }> {
  await page.evaluate(() => {
    for (const element of document.querySelectorAll('[data-walked]')) element.removeAttribute('data-walked')
  })
  const unseen: string[] = []
  for (let i = 0; i < 300; i++) {
    await page.keyboard.press('Tab')
    const step = await page.evaluate(async () => {
      // Styles that are on their way, however shortly, have arrived by the second frame.
      for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame)
      const element = document.activeElement
      // Past the last element the browser itself has its turn, then the first one.
      if (!element || element === document.body) return ''
      if (element.hasAttribute('data-walked')) return null
      element.setAttribute('data-walked', '')
      const drawn = (e: Element) => {
        const { outlineStyle, outlineWidth } = getComputedStyle(e)
        return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2
      }
      const box = element.getBoundingClientRect()
      // The composer's frame takes the accent for its borderless field.
      const accent = getComputedStyle(document.documentElement).getPropertyValue('--color-accent')
      const probe = document.body.appendChild(document.createElement('i'))
      probe.style.color = accent
      const framed =
        getComputedStyle(element.closest('form') ?? element).borderTopColor === getComputedStyle(probe).color
      probe.remove()
      const inside = box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth
      return (drawn(element) || framed) && inside ? '' : element.outerHTML.slice(0, 200)
    })
    if (step === null) break
    if (step) unseen.push(step)
  }
  const unreached = await page.evaluate(() =>
    [...document.querySelectorAll('button, a[href], input, select, textarea, [tabindex="0"]')]
      .filter((e) => e.checkVisibility() && e.getAttribute('tabindex') !== '-1' && !e.hasAttribute('data-walked'))
      .filter((e) => !(e as HTMLButtonElement).disabled && !e.closest('[aria-hidden="true"]'))
      .map((e) => e.outerHTML.slice(0, 200)),
  )
  return { unreached, unseen }
}
