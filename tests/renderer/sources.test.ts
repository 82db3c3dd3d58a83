import { flushPromises } from '@vue/test-utils'
import { expect, test } from 'vitest'
import { bracketed, renderBlocks } from '../../src/renderer/views/chat/markdown'
import { placeIn, windowOf } from '../../src/renderer/composables/passage-place'
import { aCollection, aDocument, aHit, anvilText, aSources } from './host/knowledge-samples'
import { aConversation, aMessage, began } from './host/samples'
import { open, text } from './page'

const collections = new Map([['k1', aCollection()]])
/** A conversation whose one answer rests on `sources`. */
async function openAnswer(answer: string, sources = aSources(), language: 'en' | 'ko' = 'en') {
  const settings = { ...aConversation().settings, collectionIds: ['k1'] }
  const messages = [
    aMessage({ id: 'u1', role: 'user', text: 'What is an anvil?' }),
    aMessage({ id: 'a1', role: 'assistant', parentId: 'u1', text: answer, sources, createdAt: began + 1 }),
  ]
  const window = await open(
    '/chat/c1',
    {
      collections,
      documents: [aDocument()],
      conversations: new Map([['c1', aConversation({ currentMessageId: 'a1', settings })]]),
      messages: new Map(messages.map((m) => [m.id, m])),
    },
    language,
  )
  await expect.poll(() => window.wrapper.find('article + article .markdown').exists()).toBe(true)
  await flushPromises()
  return window
}
const answer = () => document.querySelector('article + article') as HTMLElement

test('a collection ticked beside the chat answers, with markers that open the passage at its place', async () => {
  const window = await open('/chat', { collections, documents: [aDocument()] })
  await expect.poll(text).toContain('Workshop')
  const box = [...document.querySelectorAll<HTMLLabelElement>('aside label')].find((l) =>
    l.textContent?.includes('Workshop'),
  )
  box?.querySelector('input')?.click()
  await flushPromises()
  // Chance has no place here: the temperature falls where the person had not chosen one.
  expect(text()).toContain('Answers at temperature 0 are kept')
  await window.wrapper.get('form textarea').setValue('What is an anvil?')
  await window.wrapper.get('form').trigger('submit')
  await expect.poll(() => answer()?.querySelector('.citation')?.textContent).toBe('1')
  const [conversation] = window.world.conversations.values()
  expect(conversation.settings).toMatchObject({ collectionIds: ['k1'], sampling: { temperature: 0 } })
  expect(answer().textContent).toContain('1 more passage that the model was given')
  expect(answer().textContent).toContain('2 relevant passages had no room.')
  expect(answer().textContent).toContain('searched in 14 ms')
  answer().querySelector<HTMLElement>('.citation')?.click()
  await expect.poll(() => document.querySelector('mark')?.textContent).toBe(aHit().text)
  expect(document.querySelector('[role="dialog"] header')?.textContent).toContain('Anvils › Sizes › page 3')
})

test('a stored answer keeps its sources; what nothing supports is marked and explained', async () => {
  const first = 'It weighs 212 kilograms [1].'
  await openAnswer(
    `${first} It is blue. See [7].`,
    aSources({ unsupported: [{ start: first.length + 1, end: first.length + 12 }] }),
  )
  expect(answer().querySelector('.unsupported')?.textContent).toBe('It is blue.')
  expect(answer().textContent).toContain('Underlined: no passage supports it.')
  expect([...answer().querySelectorAll('.citation')].map((e) => e.textContent)).toEqual(['1'])
  expect(answer().textContent).toContain('See [7].')
  // What rests on documents is not continued token by token.
  expect(answer().querySelector('[aria-label="Why this token?"]')).toBeNull()
})

test('a cache hit is marked with what it saved, and can be asked again', async () => {
  const cache = { kind: 'similar' as const, question: 'What are anvils?', distance: 0.04, savedMs: 4200 }
  const window = await openAnswer('A block of iron [1].', aSources({ cache }))
  expect(answer().textContent).toContain('a similar question, “What are anvils?” (distance 0.04) · 4.2 s saved')
  ;[...answer().querySelectorAll('button')].find((b) => b.textContent?.includes('Ask again'))?.click()
  await expect.poll(() => window.host.asked.some(({ route }) => route === 'chat.regenerate')).toBe(true)
})

test('says that the documents do not answer, and what was searched for instead of the words typed', async () => {
  await openAnswer(
    '문서에서 이 질문의 답을 찾지 못했습니다.',
    aSources({ answered: false, passages: [], citations: [], question: '모루는 무엇인가요?', leftOut: 0 }),
    'ko',
  )
  expect(answer().textContent).toContain('질문과 충분히 관련된 구절이 없습니다.')
  expect(answer().textContent).toContain('검색한 질문: “모루는 무엇인가요?”')
})

test('a passage that the document no longer holds is shown as it was', async () => {
  const lost = aHit({
    chunkId: '99',
    text: 'Anvils are made of cheese.',
    place: { ...aHit().place, start: 3, end: 29 },
  })
  await openAnswer('Cheese [1].', aSources({ passages: [lost] }))
  answer().querySelector<HTMLElement>('.citation')?.click()
  await expect.poll(text).toContain('no longer holds this passage')
  expect(document.querySelector('blockquote')?.textContent?.trim()).toBe('Anvils are made of cheese.')
})

test('brackets keep lists, emphasis and tables what they are', () => {
  const html = (source: string, ...ranges: [number, number][]) =>
    renderBlocks(
      bracketed(
        source,
        ranges.map(([start, end]) => ({ start, end })),
      ),
      { copy: '', image: '', unsupported: 'no' },
    )
      .map((block) => block.html)
      .join('')
  const marked = '<span class="unsupported" title="no">'
  expect(html('- **Bold one.**', [0, 15])).toContain(`<li>${marked}<strong>Bold one.</strong></span></li>`)
  expect(html('**Bold one.** Two.', [0, 13])).toContain(`${marked}<strong>Bold one.</strong></span> Two.`)
  expect(html('## Head line here', [0, 17])).toContain(`<h2>${marked}Head line here</span></h2>`)
  expect(html('| a | b |\n|---|---|\n| 1 | 2 |', [0, 9])).toContain('<table>')
  // The model's own brackets mark nothing.
  expect(html('a ⸨<b>⸩ c')).toContain('a ((&lt;b&gt;)) c')
})

test('a marker is a button only where there is such a source, and never runs anything', () => {
  const citations = new Map([[1, '"><img src=x onerror=alert(1)>']])
  const [block] = renderBlocks('a [1] b [2] c [1](https://example.com) `[1]`', { copy: '', image: '', citations })
  const box = document.createElement('div')
  box.innerHTML = block.html
  expect(box.querySelectorAll('button')).toHaveLength(1)
  expect(box.querySelector('button')?.getAttribute('aria-label')).toBe('"><img src=x onerror=alert(1)>')
  expect(box.querySelector('img')).toBeNull()
  expect(box.querySelector('a')?.textContent).toBe('1')
  expect(box.querySelector('code')?.textContent).toBe('[1]')
})

test('a passage is found where it is, behind its table header, or where it went', () => {
  const hit = aHit()
  expect(placeIn(anvilText, hit)).toEqual({ start: hit.place.start, end: hit.place.end })
  expect(placeIn(anvilText, { ...hit, text: `name | weight\n${hit.text}` })).not.toBeNull()
  expect(placeIn(`New first line.\n${anvilText}`, hit)?.start).toBe(hit.place.start + 16)
  expect(placeIn('something else', hit)).toBeNull()
  expect(placeIn('', { text: '', place: { start: 0, end: 0 } })).toBeNull()
})

test('of a long document the surroundings are drawn, in whole lines where there are any', () => {
  const lines = Array.from({ length: 10_000 }, (_, i) => `line ${i}`).join('\n')
  const start = lines.indexOf('line 5000')
  const { from, to } = windowOf(lines, start, start + 9, { before: 0, after: 0 })
  expect(lines[from - 1]).toBe('\n')
  expect(lines[to]).toBe('\n')
  expect(from).toBeLessThan(start)
  expect(to - from).toBeLessThan(41_000)
  const one = 'x'.repeat(500_000)
  const part = windowOf(one, 250_000, 250_010, { before: 0, after: 0 })
  expect(part.to - part.from).toBeLessThan(90_000)
  expect(windowOf('short', 0, 2, { before: 0, after: 0 })).toEqual({ from: 0, to: 5 })
})

test('a PDF attached to a message is read by the host, and one that is none says so', async () => {
  const window = await open('/chat')
  const drop = async (name: string, content: string) => {
    const transfer = new DataTransfer()
    transfer.items.add(new File([content], name))
    window.wrapper.get('form').element.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true }))
    await flushPromises()
  }
  await drop('paper.pdf', '%PDF-1.7')
  await expect.poll(text).toContain('paper.pdf20 characters')
  await drop('fake.pdf', 'hello')
  await expect.poll(text).toContain('fake.pdf: fake.pdf is not what it is named.')
})
