/** Charts of the product in Chromium: whether they are drawn, and the tables behind them. */
import { readFile } from 'node:fs/promises'
import { type Page } from 'playwright-core'
import { expect } from 'vitest'

const figure = (page: Page, name: string | RegExp) => page.getByRole('figure', { name })

/** Drawn: something on the canvas is not empty. */
export const drawn = (page: Page, name: string | RegExp) =>
  expect
    .poll(
      () =>
        figure(page, name)
          .locator('canvas')
          .first()
          .evaluate((canvas: HTMLCanvasElement) => {
            const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
            const seen = new Set<number>()
            for (let i = 0; i < data.length; i += 4) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2])
            return seen.size
          }),
      { timeout: 30_000 },
    )
    .toBeGreaterThan(8)

/** The rows of the figure's table, which takes the place of the chart. */
export async function figuresOf(page: Page, name: string | RegExp): Promise<string[]> {
  await figure(page, name).getByRole('button', { name: 'Show the figures as a table' }).click()
  return figure(page, name).locator('tbody tr').allInnerTexts()
}

/**
 * Every chart on view, and no other than these, says what it shows to everybody: its SVG has all axes with their units, the picture a
 * name and a description, and its figures stand in a table.
 */
export async function explained(page: Page, axes: Record<string, readonly string[]>): Promise<void> {
  const pictures = page.locator('figure [role="img"]')
  expect(await page.locator('figure').count()).toBe(await pictures.count())
  const names = await pictures.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label') ?? ''))
  expect(names.toSorted()).toEqual(Object.keys(axes).toSorted())
  for (const [name, expected] of Object.entries(axes)) {
    const own = figure(page, name)
    const described = await own.locator('[role="img"]').getAttribute('aria-describedby')
    expect((await page.locator(`[id="${described}"]`).innerText()).length, name).toBeGreaterThan(20)
    const saved = page.waitForEvent('download')
    await own.getByRole('button', { name: 'Save the picture as SVG' }).click()
    const svg = await readFile(await (await saved).path(), 'utf8')
    const texts = [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text)
    for (const axis of expected) expect(texts, name).toContain(axis)
    expect((await figuresOf(page, name)).length, name).toBeGreaterThan(0)
    for (const head of await own.locator('th').allInnerTexts()) expect(head, name).not.toBe('')
    await own.getByRole('button', { name: 'Show the figures as a table' }).click()
    await pictures.first().waitFor()
  }
}
