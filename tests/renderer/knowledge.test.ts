import { flushPromises } from '@vue/test-utils'
import { expect, test } from 'vitest'
import { userEvent } from 'vitest/browser'
import { portions } from '../../src/renderer/views/knowledge/dropped-files'
import { aCollection, aDocument } from './host/knowledge-samples'
import { labelled, open, press, text, type } from './page'

async function drop(names: string[]) {
  const transfer = new DataTransfer()
  for (const name of names) transfer.items.add(new File([`text of ${name}`], name))
  document
    .querySelector('main')
    ?.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }))
  await flushPromises()
}
const filled = () => ({
  collections: new Map([['k1', aCollection({ roots: ['/home/a/docs'] })]]),
  documents: [
    aDocument(),
    aDocument({
      id: 'd2',
      path: '/home/a/docs/scan.pdf',
      title: 'scan',
      state: 'failed',
      reason: 'Pages without text.',
      chunks: 0,
    }),
  ],
})

test('dropped files make a collection, are sent as bytes, and what cannot be read says why', async () => {
  const window = await open('/knowledge')
  await expect.poll(text).toContain('Ask your documents')
  await drop(['notes.md', 'broken.pdf'])
  await expect.poll(text).toContain('2 dropped items will be added.')
  const name = document.querySelector<HTMLInputElement>('[role="dialog"] input[maxlength="200"]')
  await type(name, 'Notes')
  name?.focus()
  await userEvent.keyboard('{Enter}')
  await expect.poll(() => window.wrapper.find('table').text()).toContain('notes.md')
  const sent = window.host.asked.find(({ route }) => route === 'collections.upload')?.input as {
    files: { name: string; base64: string }[]
  }
  expect(sent.files.map(({ name, base64 }) => [name, atob(base64)])).toEqual([
    ['notes.md', 'text of notes.md'],
    ['broken.pdf', 'text of broken.pdf'],
  ])
  expect(text()).toContain('its bytes are not of that format')
  expect(window.router.currentRoute.value.name).toBe('collection')
})

test('progress shows with rate and time left, and can be cancelled', async () => {
  const window = await open('/knowledge/k1', filled())
  await drop(['a.md', 'b.md'])
  await expect.poll(() => window.wrapper.find('main [role="progressbar"]').exists()).toBe(true)
  expect(window.wrapper.get('main [role="status"]').text()).toContain('0 of 2 documents · 2.5/s · 1 s left')
  await press('Cancel Workshop')
  await expect.poll(() => window.world.jobs[0].state).toBe('cancelled')
  await expect.poll(() => window.wrapper.find('main [role="progressbar"]').exists()).toBe(false)
})

test('failed documents are counted and shown alone; a document is removed', async () => {
  const window = await open('/knowledge/k1', filled())
  await press('1 could not be read')
  const rows = () => window.wrapper.findAll('tbody tr').map((row) => row.text())
  await expect.poll(() => rows().length).toBe(1)
  expect(rows()[0]).toContain('Pages without text.')
  await press('Remove scan')
  await expect.poll(() => window.world.documents.length).toBe(1)
  await expect.poll(text).toContain('Removed “scan”.')
})

test('says for which language the embedding model is of no use', async () => {
  await open('/knowledge/k1', filled())
  await expect.poll(text).toContain('Korean: the embedding model finds a passage by one of its own sentences in 9%')
  expect(text()).not.toContain('English: the embedding model')
})

test('a folder by its path, a web page, and a private address only after a yes', async () => {
  const window = await open('/knowledge/k1', filled())
  await press('Add documents')
  await type(labelled<HTMLInputElement>('Path on this computer'), 'docs')
  const dialog = document.querySelector('[role="dialog"]')!
  const add = (at: number) => [...dialog.querySelectorAll('button')].filter((b) => b.textContent?.trim() === 'Add')[at]
  add(0).click()
  await expect.poll(text).toContain('docs: an absolute path is needed here.')
  await type(labelled<HTMLInputElement>('Address of the page'), 'http://localhost:8080/a')
  add(1).click()
  await expect.poll(text).toContain('is an address of this machine; allow it first')
  dialog.querySelector<HTMLInputElement>('input[type="checkbox"]')?.click()
  add(1).click()
  await expect.poll(() => document.querySelector('[role="dialog"]')).toBeNull()
  expect(window.host.asked.at(-1)?.input ?? window.host.asked).toBeTruthy()
  const asked = window.host.asked.filter(({ route }) => route === 'collections.addPage').map(({ input }) => input)
  expect(asked).toEqual([
    { id: 'k1', url: 'http://localhost:8080/a', allowPrivate: false },
    { id: 'k1', url: 'http://localhost:8080/a', allowPrivate: true },
  ])
})

test('settings are changed, reset and saved', async () => {
  const window = await open('/knowledge/k1/settings', filled())
  await press('Korean morphemes')
  expect(text()).toContain('Saving brings 3 passages in line')
  await press('Reset')
  expect(text()).not.toContain('Saving brings')
  await press('Korean morphemes')
  await press('Save')
  await expect.poll(() => window.world.collections.get('k1')?.settings.koreanMorphemes).toBe(true)
})

test('a document opens in the reader and steps through its passages', async () => {
  await open('/knowledge/k1', filled())
  await press('Anvils')
  await expect.poll(text).toContain('2 passages')
  await press('Next passage')
  await expect.poll(() => document.querySelector('mark')?.textContent).toContain('The first anvils')
  await press('Next passage')
  expect(document.querySelector('mark')?.textContent).toBe('The anvil of Kyoto weighs 212 kilograms.')
  expect(document.querySelector('[role="dialog"] header')?.textContent).toContain('Anvils › Sizes › page 3')
})

test('a collection is renamed and deleted', async () => {
  const window = await open('/knowledge/k1', filled())
  const menu = async (label: string) => {
    const trigger = window.wrapper.get('button[aria-label="Actions for this collection"]')
    await trigger.trigger('keydown', { key: 'Enter' })
    await press(label)
  }
  await menu('Rename')
  await expect.poll(() => document.querySelector('[role="dialog"] input')).not.toBeNull()
  await type('[role="dialog"] input', '작업실')
  await press('Save')
  await expect.poll(() => window.wrapper.get('h1').text()).toBe('작업실')
  await menu('Delete collection')
  await expect.poll(text).toContain('Delete “작업실”?')
  await press('Delete collection')
  await expect.poll(() => window.world.collections.size).toBe(0)
  await expect.poll(() => window.router.currentRoute.value.path).toBe('/knowledge')
})

test('files go in portions that a request can carry', () => {
  const sized = (megabytes: number) => {
    const file = new File([], 'x')
    Object.defineProperty(file, 'size', { value: megabytes * 2 ** 20 })
    return { name: 'x', file }
  }
  expect(portions([sized(30), sized(9), sized(2), sized(40), sized(1)]).map((p) => p.length)).toEqual([2, 1, 1, 1])
  expect(portions(Array.from({ length: 2500 }, () => sized(0))).map((p) => p.length)).toEqual([1000, 1000, 500])
  expect(portions([])).toEqual([])
})

test('the answer cache shows what it did, is bounded, and is emptied', async () => {
  const window = await open('/settings')
  await expect.poll(text).toContain('4 of 8 (50%)')
  expect(text()).toContain('3 the same question, 1 a similar one')
  expect(text()).toContain('1 min 5 s')
  await press('Similar questions')
  await expect.poll(() => window.world.settings.answerCache).toMatchObject({ similar: false, ageDays: 30, sizeMiB: 64 })
  const age = window.wrapper.get('input[max="3650"]')
  await age.setValue('7')
  await age.trigger('change')
  await expect.poll(() => window.world.settings.answerCache.ageDays).toBe(7)
  await press('Forget all answers')
  await expect.poll(() => window.world.cache.entries).toBe(0)
  await expect.poll(text).toContain('All kept answers are forgotten.')
})
