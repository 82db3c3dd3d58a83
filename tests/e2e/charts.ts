/** Charts of the product in Chromium: whether they are drawn, and the tables behind them. */
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
