import { flushPromises } from '@vue/test-utils'
import { expect, test } from 'vitest'
import { userEvent } from 'vitest/browser'
import { aConversation } from './host/samples'
import { open, text } from './page'

test('the palette opens by key, finds by any word, runs by Enter, closes by Escape', async () => {
  const window = await open('/chat', { conversations: new Map([['c1', aConversation({ title: '한국어 띄어쓰기' })]]) })
  await expect.poll(() => text()).toContain('한국어 띄어쓰기')
  await userEvent.keyboard('{Control>}k{/Control}')
  await expect.poll(() => document.activeElement?.getAttribute('role')).toBe('combobox')
  await userEvent.keyboard('{Escape}')
  await expect.poll(() => document.querySelector('[role="combobox"]')).toBeNull()
  await userEvent.keyboard('{Control>}k{/Control}')
  await expect.poll(() => document.activeElement?.getAttribute('role')).toBe('combobox')
  await userEvent.keyboard('띄어쓰기')
  await expect.poll(() => document.querySelectorAll('[role="option"]').length).toBe(1)
  await userEvent.keyboard('{Enter}')
  await expect.poll(() => window.router.currentRoute.value.path).toBe('/chat/c1')
})

test('the palette goes to every view and moves by arrows', async () => {
  const window = await open('/chat')
  await userEvent.keyboard('{Control>}k{/Control}')
  await expect.poll(() => document.activeElement?.getAttribute('role')).toBe('combobox')
  const place = [...document.querySelectorAll('[role="option"]')].findIndex((o) => o.textContent?.includes('Settings'))
  expect(place).toBeGreaterThan(2)
  await userEvent.keyboard(`${'{ArrowDown}'.repeat(place)}{Enter}`)
  await expect.poll(() => window.router.currentRoute.value.path).toBe('/settings')
})

test('the language switches at once, everywhere, and is remembered', async () => {
  const window = await open('/settings')
  await expect.poll(() => text()).toContain('Appearance')
  await window.wrapper.get('select').setValue('ko')
  await expect.poll(() => window.wrapper.get('h1').text()).toBe('설정')
  expect(text()).toContain('채팅')
  expect(text()).not.toContain('Appearance')
  expect(document.documentElement.lang).toBe('ko')
  expect(window.world.settings.language).toBe('ko')
  expect(localStorage.getItem('moru.look')).toContain('"ko"')
})

test('the theme switches at once', async () => {
  const window = await open('/settings')
  await expect.poll(() => window.wrapper.findAll('select').length).toBeGreaterThan(2)
  const background = () => getComputedStyle(document.body).backgroundColor
  await window.wrapper.findAll('select')[1].setValue('dark')
  await expect.poll(background).toBe('rgb(23, 24, 27)')
  await window.wrapper.findAll('select')[1].setValue('light')
  await expect.poll(background).toBe('rgb(255, 255, 255)')
})

test('the hub token goes in and never comes out', async () => {
  const window = await open('/settings')
  await expect.poll(() => window.wrapper.find('input[type="password"]').exists()).toBe(true)
  await window.wrapper.get('input[type="password"]').setValue('hf_secret')
  await window.wrapper.get('input[type="password"]').trigger('keydown', { key: 'Enter' })
  await window.wrapper
    .findAll('form')
    .find((f) => f.find('input[type="password"]').exists())
    ?.trigger('submit')
  await expect.poll(() => text()).toContain('A token is stored.')
  expect(window.wrapper.get<HTMLInputElement>('input[type="password"]').element.value).toBe('')
  expect(document.body.innerHTML).not.toContain('hf_secret')
})

test('an address that is none is refused beside the field and stays to be corrected', async () => {
  const window = await open('/settings')
  await expect.poll(() => window.wrapper.find('input[type="url"]').exists()).toBe(true)
  const field = window.wrapper.get<HTMLInputElement>('input[type="url"]')
  await field.setValue('not an address')
  await field.trigger('change')
  await expect.poll(() => window.wrapper.find('[role="alert"]').exists()).toBe(true)
  expect(field.element.value).toBe('not an address')
})

test('restoring a backup asks first and says why it cannot', async () => {
  const window = await open('/settings')
  await window.wrapper.findAll('input[maxlength="4096"]')[1].setValue('/tmp/cat.png')
  await window.wrapper
    .findAll('button')
    .find((b) => b.text() === 'Restore')
    ?.trigger('click')
  await expect.poll(() => text()).toContain('Replace everything by this backup?')
  ;[...document.querySelectorAll<HTMLButtonElement>('[role="dialog"] footer button')].at(-1)?.click()
  await expect.poll(() => text()).toContain('/tmp/cat.png is not a backup of Moru')
})

test('on a software adapter the settings say so in words', async () => {
  await open('/settings')
  await expect.poll(() => text()).toContain('the processor does the work of a graphics card')
})

test('a conversation is renamed by F2, and Escape leaves the name', async () => {
  const window = await open('/chat', { conversations: new Map([['c1', aConversation()]]) })
  await expect.poll(() => window.wrapper.find('[data-row]').exists()).toBe(true)
  const rename = async (keys: string) => {
    window.wrapper.get<HTMLElement>('[data-row]').element.focus()
    await userEvent.keyboard('{F2}')
    await expect.poll(() => document.activeElement?.getAttribute('aria-label')).toBe('Rename')
    await userEvent.keyboard(keys)
    await flushPromises()
  }
  await rename('Nope{Escape}')
  expect(window.world.conversations.get('c1')?.title).toBe('Rotary embeddings')
  await rename('모루 이야기{Enter}')
  await expect.poll(() => window.world.conversations.get('c1')?.title).toBe('모루 이야기')
})

test('every control has a name and can be reached by Tab', async () => {
  const window = await open('/chat')
  await expect.poll(() => text()).toContain('Sampling')
  const controls = [...document.querySelectorAll<HTMLElement>('button, a[href], input:not([hidden]), select, textarea')]
  expect(controls.length).toBeGreaterThan(20)
  for (const control of controls) {
    expect(control.tabIndex, control.outerHTML.slice(0, 120)).toBe(0)
    const labels = (control as HTMLInputElement).labels ?? []
    const name =
      control.getAttribute('aria-label') ?? [...labels].map((l) => l.textContent).join('') + control.textContent
    expect(name.trim(), control.outerHTML.slice(0, 120)).not.toBe('')
  }
  window.close()
})
