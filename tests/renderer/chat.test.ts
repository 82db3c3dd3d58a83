import { flushPromises } from '@vue/test-utils'
import { expect, test } from 'vitest'
import { MoruError } from '../../src/shared/errors'
import { aConversation, aMessage, began } from './host/samples'
import { open } from './page'

type Window = Awaited<ReturnType<typeof open>>

function answered() {
  const messages = [
    aMessage({ id: 'u1', role: 'user', text: 'First question' }),
    aMessage({ id: 'a1', role: 'assistant', parentId: 'u1', text: 'First answer', createdAt: began + 1 }),
    aMessage({ id: 'a1b', role: 'assistant', parentId: 'u1', text: 'Other answer', createdAt: began + 2 }),
  ]
  return {
    conversations: new Map([['c1', aConversation({ currentMessageId: 'a1b' })]]),
    messages: new Map(messages.map((m) => [m.id, m])),
  }
}
const text = (window: Window) => window.wrapper.text()
const button = (window: Window, label: string) => window.wrapper.get(`button[aria-label="${label}"]`)

async function say(window: Window, words: string) {
  const area = window.wrapper.get<HTMLTextAreaElement>('textarea[aria-label="Message"]')
  await area.setValue(words)
  await area.trigger('keydown', { key: 'Enter' })
}

test('a first message begins a conversation, moves to it and streams the answer', async () => {
  const window = await open('/chat')
  await say(window, 'What is an anvil?')
  await expect.poll(() => window.router.currentRoute.value.path).toBe('/chat/c1')
  await expect.poll(() => text(window)).toContain('An anvil is a block of iron.')
  await expect.poll(() => text(window)).toContain('first token after 320 ms')
  expect(text(window)).toContain('24.1 tokens/s')
  expect(text(window)).toContain('finished')
  expect(window.wrapper.get<HTMLTextAreaElement>('textarea[aria-label="Message"]').element.value).toBe('')
})

test('stop keeps what was written and offers to continue', async () => {
  const window = await open('/chat', { answer: { text: 'word '.repeat(400), everyMs: 2 } })
  await say(window, 'Write a lot')
  await expect.poll(() => text(window)).toContain('word word')
  await window.wrapper
    .findAll('button')
    .find((b) => b.text() === 'Stop')
    ?.trigger('click')
  await expect.poll(() => text(window)).toContain('This answer was stopped.')
  window.world.answer = { text: 'the end.', everyMs: 1 }
  await window.wrapper
    .findAll('button')
    .find((b) => b.text() === 'Continue')
    ?.trigger('click')
  await expect.poll(() => text(window)).toContain('the end.')
})

test('what was typed is kept when the message is refused, and the error says what to do', async () => {
  const window = await open('/chat', {
    ...answered(),
    refuseWith: new MoruError('out_of_memory', 'Needs 9 GB, has 4 GB.'),
  })
  await window.router.push('/chat/c1')
  await flushPromises()
  await say(window, 'Please answer')
  await expect.poll(() => text(window)).toContain('There is not enough memory')
  expect(text(window)).toContain('Needs 9 GB, has 4 GB.')
  expect(text(window)).toContain('Choose a shorter context')
  expect(window.wrapper.get<HTMLTextAreaElement>('textarea[aria-label="Message"]').element.value).toBe('Please answer')
})

test('arrows step between versions of an answer', async () => {
  const window = await open('/chat/c1', answered())
  await expect.poll(() => text(window)).toContain('Other answer')
  expect(text(window)).toContain('2 / 2')
  await button(window, 'Previous version').trigger('click')
  await expect.poll(() => text(window)).toContain('First answer')
  expect(text(window)).not.toContain('Other answer')
  await expect.poll(() => window.world.conversations.get('c1')?.currentMessageId).toBe('a1')
  await window.wrapper.get('[role="group"][aria-label="Versions"] button').trigger('keydown', { key: 'ArrowRight' })
  await expect.poll(() => text(window)).toContain('Other answer')
})

test('answering again makes a sibling; editing a question makes a branch', async () => {
  const window = await open('/chat/c1', { ...answered(), answer: { text: 'Third answer', everyMs: 1 } })
  await expect.poll(() => text(window)).toContain('Other answer')
  await button(window, 'Answer again').trigger('click')
  await expect.poll(() => text(window)).toContain('3 / 3')
  await expect.poll(() => text(window)).toContain('finished')
  await button(window, 'Edit and send again').trigger('click')
  const editor = window.wrapper.get<HTMLTextAreaElement>('textarea[aria-label="Edit and send again"]')
  expect(editor.element.value).toBe('First question')
  await editor.setValue('Better question')
  await window.wrapper
    .findAll('button')
    .find((b) => b.text() === 'Send')
    ?.trigger('click')
  await expect.poll(() => text(window)).toContain('Better question')
  expect(text(window)).not.toContain('First question')
  const questions = [...window.world.messages.values()].filter((m) => m.role === 'user')
  expect(questions.map((m) => m.parentId)).toEqual([null, null])
})

test('an answer can be edited in place', async () => {
  const window = await open('/chat/c1', answered())
  await expect.poll(() => text(window)).toContain('Other answer')
  await button(window, 'Edit answer').trigger('click')
  await window.wrapper.get('textarea[aria-label="Edit answer"]').setValue('My answer')
  await window.wrapper
    .findAll('button')
    .find((b) => b.text() === 'Save')
    ?.trigger('click')
  await expect.poll(() => text(window)).toContain('My answer')
  expect(window.world.messages.get('a1b')).toMatchObject({ text: 'My answer', edited: true })
  expect(text(window)).toContain('edited')
})

test('while the host is away the window says so and keeps the streamed text; then it goes on', async () => {
  const window = await open('/chat', { answer: { text: 'slowly '.repeat(100), everyMs: 3 } })
  await say(window, 'Tell me slowly')
  await expect.poll(() => text(window)).toContain('slowly slowly')
  window.host.goAway()
  await expect.poll(() => text(window)).toContain('is being restarted')
  expect(text(window)).toContain('slowly slowly')
  window.host.comeBack()
  await expect.poll(() => window.host.asked.some((a) => a.route === 'chat.follow')).toBe(true)
  await expect.poll(() => text(window), { timeout: 10_000 }).toContain('finished')
  expect(text(window)).not.toContain('is being restarted')
  await expect.poll(() => window.wrapper.get('.markdown').text()).toBe('slowly '.repeat(100).trim())
})

test('deleting a conversation can be undone', async () => {
  const window = await open('/chat/c1', answered())
  await expect.poll(() => window.wrapper.find('[data-row]').exists()).toBe(true)
  await window.wrapper.get('[data-row]').trigger('keydown', { key: 'Delete' })
  await expect.poll(() => text(window)).toContain('Deleted “Rotary embeddings”.')
  expect(window.world.conversations.size).toBe(0)
  expect(window.router.currentRoute.value.path).toBe('/chat')
  await window.wrapper
    .findAll('button')
    .find((b) => b.text() === 'Undo')
    ?.trigger('click')
  await expect.poll(() => window.world.conversations.size).toBe(1)
  await expect.poll(() => window.router.currentRoute.value.path).toBe('/chat/c1')
})

test('“Why this token?” shows a token’s probability and the five next best, by keyboard', async () => {
  const window = await open('/chat/c1', answered())
  await expect.poll(() => text(window)).toContain('Other answer')
  await button(window, 'Why this token?').trigger('click')
  await expect.poll(() => window.wrapper.findAll('[data-token]').length).toBe(2)
  const tokens = window.wrapper.findAll<HTMLElement>('[data-token]')
  tokens[0].element.focus()
  await flushPromises()
  expect(window.wrapper.find('ol').findAll('li').length).toBe(5)
  await tokens[0].trigger('keydown', { key: 'ArrowRight' })
  expect(document.activeElement?.getAttribute('data-token')).toBe('1')
  expect(text(window)).toContain('90.5%')
})

test('thoughts are folded and timed', async () => {
  const window = await open('/chat', { answer: { text: 'Forty-two.', reasoning: 'Let me multiply.', everyMs: 1 } })
  await say(window, 'Six times seven?')
  await expect.poll(() => text(window)).toContain('Thought for 1.2 s')
  expect(text(window)).not.toContain('Let me multiply.')
  await window.wrapper
    .findAll('button')
    .find((b) => b.text().startsWith('Thought'))
    ?.trigger('click')
  expect(text(window)).toContain('Let me multiply.')
})

test('settings of a conversation are told to the host once the hand rests', async () => {
  const window = await open('/chat/c1', answered())
  const slider = window.wrapper.get<HTMLInputElement>('input[type="range"][aria-label="Temperature"]')
  for (const value of ['0.5', '0.3', '0.1']) await slider.setValue(value)
  await expect.poll(() => window.world.conversations.get('c1')?.settings.sampling.temperature).toBe(0.1)
  expect(window.host.asked.filter((a) => a.route === 'conversations.update').length).toBe(1)
})

test('a preset keeps prompt, sampling and load settings, and gives them back', async () => {
  const window = await open('/chat/c1', answered())
  await window.wrapper.get('textarea[placeholder^="How the model"]').setValue('Answer like a smith.')
  await window.wrapper.get<HTMLInputElement>('input[type="range"][aria-label="Temperature"]').setValue('0.2')
  await button(window, 'Save as preset').trigger('click')
  await expect.poll(() => document.activeElement?.tagName).toBe('INPUT')
  const name = document.activeElement as HTMLInputElement
  name.value = '대장장이'
  name.dispatchEvent(new Event('input', { bubbles: true }))
  name.form?.requestSubmit()
  await expect.poll(() => window.world.presets.length).toBe(1)
  expect(window.world.presets[0]).toMatchObject({
    name: '대장장이',
    settings: { systemPrompt: 'Answer like a smith.', sampling: { temperature: 0.2 } },
    load: { kvType: 'f16' },
  })
  await window.wrapper
    .findAll('button')
    .find((b) => b.text() === 'Reset')
    ?.trigger('click')
  await expect.poll(() => window.world.conversations.get('c1')?.settings.sampling.temperature).toBe(0.7)
  const presets = window.wrapper.findAll('select').find((s) => s.text().includes('대장장이'))
  await presets?.setValue('')
  await presets?.setValue(window.world.presets[0].id)
  await expect.poll(() => window.world.conversations.get('c1')?.settings.sampling.temperature).toBe(0.2)
})

test('a message sent at once goes out under the settings just chosen', async () => {
  const window = await open('/chat/c1', answered())
  await window.wrapper.get<HTMLInputElement>('input[type="range"][aria-label="Top-k"]').setValue('7')
  await say(window, 'Now')
  await expect.poll(() => window.host.asked.some((a) => a.route === 'chat.send')).toBe(true)
  const routes = window.host.asked.map((a) => a.route)
  expect(routes.indexOf('conversations.update')).toBeGreaterThan(-1)
  expect(routes.indexOf('conversations.update')).toBeLessThan(routes.indexOf('chat.send'))
  expect(window.world.conversations.get('c1')?.settings.sampling.topK).toBe(7)
})

test('the exact prompt is shown to the letter', async () => {
  const window = await open('/chat/c1', answered())
  await expect.poll(() => text(window)).toContain('Other answer')
  await button(window, 'Exact prompt').trigger('click')
  await expect.poll(() => document.body.textContent).toContain('<|im_start|>user\nFirst question<|im_end|>')
})

test('search finds words in messages and shows where', async () => {
  const window = await open('/chat', answered())
  const search = window.wrapper.get<HTMLInputElement>('input[aria-label="Search chats"]')
  await search.setValue('Other')
  await expect.poll(() => window.wrapper.find('[data-row]').text()).toContain('Other answer')
  await search.setValue('nowhere')
  await expect.poll(() => text(window)).toContain('No chat contains this.')
})

test('what was typed is there after a reload', async () => {
  const window = await open('/chat/c1', answered())
  await window.wrapper.get('textarea[aria-label="Message"]').setValue('half a thou')
  expect(localStorage.getItem('moru.draft.c1')).toBe('half a thou')
})
