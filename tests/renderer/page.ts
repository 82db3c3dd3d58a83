/** The window as a person has it before them: opened, read, pressed, typed into. Closed after each test. */
import { flushPromises } from '@vue/test-utils'
import { afterEach, expect } from 'vitest'
import { openWindow } from './mount'

let close: () => void = () => {}
afterEach(() => {
  close()
  document.body.replaceChildren()
  delete document.documentElement.dataset.theme
})

export async function open(...args: Parameters<typeof openWindow>) {
  const window = await openWindow(...args)
  close = () => {
    close = () => {}
    window.close()
  }
  return { ...window, close }
}

/** Dialogs live beside the window, so the whole page is asked. */
export const text = () => document.body.textContent ?? ''

/** Where an open dialog is, all else is out of reach. */
const scope = () => document.querySelector('[role="dialog"]') ?? document
const controls = 'button, a, input, select, [role="menuitem"], [role="switch"]'

export const labelled = <T extends HTMLElement = HTMLElement>(label: string) =>
  [...scope().querySelectorAll<T>(controls)].find(
    (e) =>
      e.textContent?.trim() === label ||
      e.getAttribute('aria-label') === label ||
      e.getAttribute('placeholder') === label,
  )

export async function press(label: string) {
  await expect.poll(() => labelled(label), { message: label }).toBeTruthy()
  labelled(label)?.click()
  await flushPromises()
}

/** Into a field, or the first that `field` selects. */
export async function type(field: string | HTMLInputElement | HTMLTextAreaElement | null | undefined, value: string) {
  const input = typeof field === 'string' ? document.querySelector<HTMLInputElement>(field) : field
  if (!input) throw new Error(`no such field: ${String(field)}`)
  input.value = value
  input.dispatchEvent(new Event('input', { bubbles: true }))
  await flushPromises()
}

export async function choose(select: HTMLSelectElement, value: string) {
  select.value = value
  select.dispatchEvent(new Event('change', { bubbles: true }))
  await flushPromises()
}
