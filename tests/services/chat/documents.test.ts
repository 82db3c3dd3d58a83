/** Conversations that ask documents: what is passed on, what is told, and what stays with the answer. */
import { expect, it } from 'vitest'
import { type AskEvent, type AskInput } from '../../../src/main/chat'
import { type Hit } from '../../../src/shared/contract/knowledge'
import { chatWith, collect } from './chat-fixture'

const passage: Hit = {
  documentId: 'd1',
  path: '/docs/anvils.md',
  title: 'Anvils',
  chunkId: '7',
  text: 'The anvil of Kyoto weighs 212 kilograms.',
  place: { start: 10, end: 50, page: 2, headings: ['Sizes'] },
  score: 0.03,
  ranks: { dense: 1, bm25: 1, rerank: null },
  scores: { dense: 0.7, bm25: 5, fused: 0.03, rerank: null },
  highlights: [],
}
const { documentId, chunkId, path, title, place } = passage
const whole = 'It weighs 212 kilograms [1]. It is blue.'
const events: AskEvent[] = [
  { kind: 'retrieved', question: 'How heavy is the anvil of Kyoto?', hits: [passage], leftOut: 2 },
  { kind: 'progress', stage: 'prefill', done: 1, total: 2 },
  { kind: 'delta', text: 'It weighs 212 kilograms. It is blue. It is bl' },
  {
    kind: 'finished',
    text: whole,
    answered: true,
    citations: [{ marker: 1, documentId, chunkId, path, title, place }],
    unsupported: [{ start: 29, end: 40 }],
    cache: { kind: 'miss', question: null, distance: null, savedMs: null },
    usage: { promptTokens: 90, cachedTokens: 20, completionTokens: 12 },
    timings: {
      retrieveMs: 12,
      totalMs: 900,
      generate: { loadMs: 0, ttftMs: 300, prefillTokensPerSecond: 100, decodeTokensPerSecond: 20 },
    },
  },
]

function asking(script: AskEvent[] = events) {
  const asked: AskInput[] = []
  const made = chatWith({ answer: 'without documents' }, {}, async function* (input) {
    asked.push(input)
    for (const event of script) yield event
  })
  const collection = made.store.collections.create('Workshop', {}, 'windows')
  made.store.conversations.update(made.conversation.id, {
    settings: { collectionIds: [collection.id, 'gone'], systemPrompt: 'Be brief.' },
  })
  return { ...made, asked, collection }
}

it('answers from the collections that are there, and keeps what the answer rests on', async () => {
  const { ask, asked, collection, store } = asking()
  const first = await ask('How heavy is it?')
  expect(asked[0]).toMatchObject({
    collectionIds: [collection.id],
    question: 'How heavy is it?',
    history: [],
    system: 'Be brief.',
    useCache: true,
    cacheSampled: false,
    refresh: false,
  })
  expect(first.answer).toMatchObject({
    text: whole,
    status: 'complete',
    finishReason: 'stop',
    usage: { promptTokens: 90 },
  })
  expect(first.answer.sources).toMatchObject({
    question: 'How heavy is the anvil of Kyoto?',
    passages: [passage],
    leftOut: 2,
    citations: [{ marker: 1, chunkId: '7' }],
    unsupported: [{ start: 29, end: 40 }],
    cache: { kind: 'miss' },
  })
  expect(store.messages.get(first.answer.id)).toEqual(first.answer)
  await ask('And how blue?', first.answer.id)
  expect(asked[1].history).toEqual([
    { role: 'user', content: 'How heavy is it?' },
    { role: 'assistant', content: whole },
  ])
})

it('tells readers of the passages before the text, and of the text as it is in the end', async () => {
  const { chat, conversation } = asking()
  const turn = chat.send({ conversationId: conversation.id, parentId: null, text: 'How heavy?', attachments: [] })
  const { heard, error } = await collect(turn.follow(new AbortController().signal))
  expect(error).toBeNull()
  const kinds = heard.map(({ kind }) => kind)
  expect(kinds[0]).toBe('started')
  expect(kinds.indexOf('sources')).toBeLessThan(kinds.indexOf('delta'))
  expect(heard.at(-1)).toMatchObject({ kind: 'finished', message: { text: whole, sources: { answered: true } } })
})

it('asks again without the cache, and follows its setting', async () => {
  const { ask, asked, chat, conversation, store } = asking()
  const { answer } = await ask('How heavy is it?')
  await chat.regenerate(answer.id).ended
  expect(asked[1].refresh).toBe(true)
  store.conversations.update(conversation.id, { settings: { answerCache: 'all' } })
  await ask('How heavy is it?')
  store.conversations.update(conversation.id, { settings: { answerCache: 'off' } })
  await ask('How heavy is it?')
  expect(asked.slice(2).map(({ useCache, cacheSampled }) => [useCache, cacheSampled])).toEqual([
    [true, true],
    [false, false],
  ])
})

it('says what is wrong when all collections are gone, and does without documents when none is chosen', async () => {
  const { ask, store, conversation, collection } = asking()
  store.collections.remove(collection.id)
  const { answer } = await ask('How heavy is it?')
  expect(answer).toMatchObject({
    status: 'failed',
    error: expect.stringContaining('were deleted') as string,
    sources: null,
  })
  store.conversations.update(conversation.id, { settings: { collectionIds: [] } })
  expect((await ask('How heavy is it?')).answer).toMatchObject({ text: 'without documents', sources: null })
})

it('is not continued; edited, it is not doubted any more; exported, it names its sources', async () => {
  const { ask, chat, conversation, handlers, context } = asking()
  const { answer } = await ask('How heavy is it?')
  expect(() => chat.continue(answer.id)).toThrow('Ask again instead')
  const edited = chat.edit(answer.id, 'It is heavy [1].')
  expect(edited.sources).toMatchObject({ unsupported: [], citations: [{ marker: 1 }] })
  const { text } = await handlers.conversationsExport({ id: conversation.id, format: 'markdown' }, context)
  expect(text).toContain('It is heavy [1].\n\n- [1] Anvils, Sizes > p. 2 (/docs/anvils.md)')
})
