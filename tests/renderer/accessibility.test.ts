import axe from 'axe-core'
import { expect, test } from 'vitest'
import { userEvent } from 'vitest/browser'
import { aCollection, aDocument } from './host/knowledge-samples'
import { aBatch, aProfile, aSchedule } from './host/profile-handlers'
import { aConversation, aJob, aMessage, aModel, began } from './host/samples'
import { aRun, aTrace } from './host/trace-handlers'
import { open } from './page'

const world = () => ({
  conversations: new Map([
    ['c1', aConversation({ pinned: true, currentMessageId: 'a2' })],
    ['c2', aConversation({ id: 'c2', title: '띄어쓰기' })],
  ]),
  messages: new Map(
    [
      aMessage({ id: 'u1', role: 'user', text: 'Why?', attachments: [{ name: 'notes.md', text: '# Notes' }] }),
      aMessage({
        id: 'a1',
        role: 'assistant',
        parentId: 'u1',
        text: '# Title\n\n| a |\n|---|\n| 1 |\n\n```ts\nconst x = 1 // why\n```\n\n$x^2$ and [a link](https://example.com)',
        reasoning: 'Hm.',
        reasoningMs: 900,
        droppedMessages: 2,
        createdAt: began + 1,
      }),
      aMessage({
        id: 'a2',
        role: 'assistant',
        parentId: 'u1',
        text: 'Because',
        status: 'failed',
        error: 'Out of memory.',
        createdAt: began + 2,
      }),
    ].map((m) => [m.id, m]),
  ),
  collections: new Map([['k1', aCollection({ roots: ['/home/a/docs'], pendingChunks: 2 })]]),
  documents: [
    aDocument({ warning: 'Page 3 could not be read.' }),
    aDocument({ id: 'd2', state: 'failed', reason: 'Broken.' }),
  ],
  models: [aModel(), aModel({ id: 'gone', name: 'Gone', available: false, chat: false })],
  profiles: [aProfile()],
  traces: new Map([['a'.repeat(32), aTrace({ rating: 1, cache: 'exact', error: 'Broken.', state: 'error' })]]),
  runs: [aRun()],
  jobs: [
    aJob(),
    aJob({ id: 'j3', kind: 'bench', state: 'done', result: { batch: aBatch }, endedAt: began }),
    aJob({ id: 'j4', kind: 'schedule', state: 'done', result: aSchedule, endedAt: began }),
    aJob({ id: 'j2', state: 'failed', error: 'The connection broke.', endedAt: began }),
  ],
})

/** Colours have changed to those of the theme: on a busy machine a transition takes longer than it lasts. */
const settled = () =>
  Promise.all(
    document.getAnimations().flatMap((one) => (one instanceof CSSTransition ? [one.finished.catch(() => null)] : [])),
  )

/** Serious and critical findings inside `selector`, in words. */
async function serious(selector: string): Promise<string[]> {
  const { violations } = await axe.run(selector, { resultTypes: ['violations'] })
  return violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join('\n')}`)
}

const places = [
  ['chat', '/chat/c1'],
  ['new chat', '/chat'],
  ['knowledge', '/knowledge'],
  ['a collection', '/knowledge/k1'],
  ['the search bench', '/knowledge/k1/search?q=anvil'],
  ['the evaluation', '/knowledge/k1/evaluation'],
  ['the map', '/knowledge/k1/map'],
  ['the settings of a collection', '/knowledge/k1/settings'],
  ['models', '/models'],
  ['a model', '/models/smollm2-135m-instruct'],
  ['the roofline', '/profile'],
  ['the timeline', '/profile/timeline'],
  ['the kernels', '/profile/kernels'],
  ['the batches', '/profile/batch'],
  ['the scheduler', '/profile/scheduler'],
  ['the memory', '/profile/memory'],
  ['logs', '/logs'],
  ['a call', `/logs/${'a'.repeat(32)}`],
  ['runs', '/logs/runs'],
  ['settings', '/settings'],
] as const

for (const [name, path] of places)
  for (const language of ['en', 'ko'] as const)
    for (const theme of ['light', 'dark'] as const)
      test(`axe finds nothing serious in ${name}, ${language}, ${theme}`, async () => {
        const window = await open(path, world(), language)
        window.world.settings = { ...window.world.settings, theme }
        document.documentElement.dataset.theme = theme
        document.title = 'Moru'
        await expect.poll(() => window.wrapper.find('h1').text()).not.toBe('')
        await new Promise((resolve) => setTimeout(resolve, 300))
        await settled()
        expect(await serious('#app')).toEqual([])
      })

const dialogs = [
  ['the collection dialog', '/knowledge?add=collection'],
  ['the import dialog', '/models?add=import'],
  ['the hub dialog', '/models?add=hub'],
] as const

for (const [name, path] of dialogs)
  for (const theme of ['light', 'dark'] as const)
    test(`axe finds nothing serious in ${name}, ${theme}`, async () => {
      await open(path, world(), 'ko')
      document.documentElement.dataset.theme = theme
      await expect.poll(() => document.querySelector('[role="dialog"]')).not.toBeNull()
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(await serious('[role="dialog"]')).toEqual([])
    })

test('axe finds nothing serious in the palette and the token view', async () => {
  const window = await open('/chat/c1', world(), 'en')
  await expect.poll(() => window.wrapper.find('button[aria-label="Why this token?"]').exists()).toBe(true)
  await window.wrapper.get('button[aria-label="Why this token?"]').trigger('click')
  await expect.poll(() => window.wrapper.find('[data-token]').exists()).toBe(true)
  window.wrapper.get<HTMLElement>('[data-token]').element.focus()
  expect(await serious('main')).toEqual([])
  await userEvent.keyboard('{Control>}k{/Control}')
  await expect.poll(() => document.querySelector('[role="listbox"]')).not.toBeNull()
  expect(await serious('[role="dialog"]')).toEqual([])
})
