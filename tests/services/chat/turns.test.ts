import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { type TurnEvent } from '../../../src/shared/contract/chat'
import { chatWith, collect, limited, shown, until } from './chat-fixture'

const korean = '파리는 프랑스의 수도입니다. 에펠탑 👩‍🚀 이 있습니다.'
const long = Array.from({ length: 60 }, (_, i) => `${i}번 문장. `).join('')
const kinds = (events: TurnEvent[]) => events.map((e) => e.kind)

describe('a turn', () => {
  it('stores question and answer, streams it, and ends with usage and timings', async () => {
    const { handlers, context, conversation, store, generator } = chatWith({ answer: korean, tokenMs: 1, loadMs: 20 })
    const input = { conversationId: conversation.id, parentId: null, text: '프랑스의 수도는 어디야?', attachments: [] }
    const { heard, error } = await collect(handlers.chatSend(input, context))
    expect(error).toBeNull()
    expect(heard[0]).toMatchObject({ kind: 'started', user: { text: input.text }, assistant: { status: 'streaming' } })
    expect(heard.filter((e) => e.kind === 'progress').map((e) => e.stage)).toEqual(
      expect.arrayContaining(['loading', 'prefill']),
    )
    expect(heard.at(-1)).toMatchObject({ kind: 'finished' })
    expect(shown(heard).text).toBe(korean)
    const [user, answer] = store.messages.list(conversation.id)
    expect(heard.at(-1)).toEqual({ kind: 'finished', message: answer })
    expect(answer).toMatchObject({
      parentId: user.id,
      text: korean,
      status: 'complete',
      finishReason: 'stop',
      modelId: 'bundled',
      reasoning: null,
      error: null,
      timings: { prefillTokensPerSecond: 100, decodeTokensPerSecond: 50 },
    })
    expect(answer.timings!.loadMs).toBeGreaterThan(15)
    expect(answer.usage!.promptTokens).toBe(generator.requests[0].promptIds.length)
    expect(heard.some((e) => e.kind === 'delta' && e.tokensPerSecond !== null)).toBe(true)
    expect(store.conversations.get(conversation.id)).toMatchObject({ currentMessageId: answer.id, title: input.text })
    expect(generator.held).toBe(0)
    expect(generator.prompts[0]).toContain(
      '<|im_start|>user\n프랑스의 수도는 어디야?<|im_end|>\n<|im_start|>assistant\n',
    )
  })

  it('gives the next turn the conversation before it', async () => {
    const { ask, generator, store, conversation } = chatWith({ answer: '둘입니다.' }, { systemPrompt: '짧게.' })
    const first = await ask('하나 더하기 하나?')
    await ask('확실해?', first.answer.id)
    expect(generator.prompts[1]).toBe(
      '<|im_start|>system\n짧게.<|im_end|>\n<|im_start|>user\n하나 더하기 하나?<|im_end|>\n' +
        '<|im_start|>assistant\n둘입니다.<|im_end|>\n<|im_start|>user\n확실해?<|im_end|>\n<|im_start|>assistant\n',
    )
    expect(store.messages.list(conversation.id)).toHaveLength(4)
  })

  it('makes siblings: another answer, another question', async () => {
    const { ask, chat, store, conversation, generator } = chatWith({ answer: '하나' })
    const first = await ask('질문')
    generator.script = { answer: '둘' }
    const again = await chat.regenerate(first.answer.id).ended
    expect(again).toMatchObject({ parentId: first.user.id, text: '둘' })
    expect(store.messages.get(first.answer.id).text).toBe('하나')
    const edited = await ask('고친 질문', first.user.parentId)
    expect(edited.user.parentId).toBeNull()
    expect(generator.prompts[2]).not.toContain('질문<|im_end|>\n<|im_start|>assistant\n하나')
    expect(store.conversations.get(conversation.id).currentMessageId).toBe(edited.answer.id)
    expect((await chat.regenerate(first.user.id).ended).parentId).toBe(first.user.id)
    expect(store.messages.list(conversation.id).filter((m) => m.parentId === first.user.id)).toHaveLength(3)
  })

  it('goes on when its reader leaves, and can be joined in the middle', async () => {
    const { chat, handlers, context, conversation } = chatWith({ answer: long, tokenMs: 1 })
    const leaving = new AbortController()
    const input = { conversationId: conversation.id, parentId: null, text: 'q', attachments: [] }
    const stream = handlers.chatSend(input, { signal: leaving.signal })
    let id = ''
    for await (const event of stream) {
      if (event.kind === 'started') id = event.assistant.id
      if (event.kind === 'delta') leaving.abort()
    }
    const turn = chat.turn(id)!
    await until(() => turn.answer.text.length > 100)
    const [joined, other] = await Promise.all([
      collect(handlers.chatFollow({ messageId: id }, context)),
      collect(turn.follow(context.signal)),
    ])
    for (const { heard } of [joined, other]) {
      expect(heard[0]).toMatchObject({ kind: 'started', assistant: { text: expect.stringContaining('0번 문장') } })
      expect(shown(heard).text).toBe(long)
      expect(heard.at(-1)).toMatchObject({ message: { status: 'complete', text: long } })
    }
    expect((await collect(handlers.chatFollow({ messageId: id }, context))).heard).toEqual([])
  })

  it('gives a slow reader fewer, larger deltas and loses nothing', async () => {
    const { chat, conversation, context } = chatWith({ answer: long, tokenMs: 1 })
    const turn = chat.send({ conversationId: conversation.id, parentId: null, text: 'q', attachments: [] })
    const slow: TurnEvent[] = []
    const quick = collect(turn.follow(context.signal))
    for await (const event of turn.follow(context.signal)) {
      slow.push(event)
      await sleep(100)
    }
    const { heard } = await quick
    expect(shown(slow).text).toBe(long)
    expect(shown(heard).text).toBe(long)
    expect(slow.length * 5).toBeLessThan(heard.length)
  })

  it('stops at once and keeps what was written', async () => {
    const { chat, handlers, context, conversation, store, generator } = chatWith({ answer: long, tokenMs: 2 })
    const turn = chat.send({ conversationId: conversation.id, parentId: null, text: 'q', attachments: [] })
    const watched = collect(turn.follow(context.signal))
    await until(() => turn.answer.text.length > 50)
    const start = performance.now()
    await handlers.chatStop({ messageId: turn.assistant.id }, context)
    expect(performance.now() - start).toBeLessThan(500)
    const stored = store.messages.get(turn.assistant.id)
    expect(stored).toMatchObject({ status: 'stopped', finishReason: 'cancelled', error: null })
    expect(long.startsWith(stored.text)).toBe(true)
    expect(stored.text.length).toBeGreaterThan(50)
    const { heard, error } = await watched
    expect(error).toBeNull()
    expect(heard.at(-1)).toEqual({ kind: 'finished', message: stored })
    expect(generator.held).toBe(0)
    await handlers.chatStop({ messageId: turn.assistant.id }, context)
  })

  it('stops while the model loads', async () => {
    const { chat, conversation } = chatWith({ answer: long, loadMs: 5000 })
    const turn = chat.send({ conversationId: conversation.id, parentId: null, text: 'q', attachments: [] })
    await sleep(20)
    expect(await turn.stop('stopped')).toMatchObject({ status: 'stopped', text: '', error: null, finishReason: null })
  })

  it('is saved at least once a second while it grows', async () => {
    const { chat, conversation, store } = chatWith({ answer: long, tokenMs: 8 })
    const turn = chat.send({ conversationId: conversation.id, parentId: null, text: 'q', attachments: [] })
    let behindSince: number | null = null
    let longestMs = 0
    let saved = ''
    for (let round = 0; round < 100; round++) {
      const written = turn.answer.text
      await sleep(20)
      const row = store.messages.get(turn.assistant.id)
      expect(row.status).toBe('streaming')
      if (row.text.length < written.length) behindSince ??= performance.now()
      if (row.text !== saved) behindSince = null
      saved = row.text
      if (behindSince !== null) longestMs = Math.max(longestMs, performance.now() - behindSince)
    }
    expect(saved.length).toBeGreaterThan(100)
    expect(longestMs).toBeLessThan(1000)
    await turn.stop('stopped')
  })

  it('saves its last words although nothing more comes', async () => {
    const { chat, conversation, store, generator } = chatWith({ answer: long, tokenMs: 1 })
    const turn = chat.send({ conversationId: conversation.id, parentId: null, text: 'q', attachments: [] })
    await until(() => turn.answer.text.length > 20)
    const written = turn.answer.text
    generator.stall()
    await until(() => store.messages.get(turn.assistant.id).text.length >= written.length, 900)
    await turn.stop('stopped')
  })

  it('that the engine breaks off is marked failed, with its text so far', async () => {
    const { chat, conversation, store, context, generator } = chatWith({ answer: korean, breaksAfter: 8 })
    const turn = chat.send({ conversationId: conversation.id, parentId: null, text: 'q', attachments: [] })
    const { heard, error } = await collect(turn.follow(context.signal))
    expect(error).toMatchObject({ code: 'device_lost' })
    const stored = store.messages.get(turn.assistant.id)
    expect(heard.at(-1)).toEqual({ kind: 'finished', message: stored })
    expect(stored).toMatchObject({ status: 'failed', error: 'The graphics driver stopped answering.' })
    expect(stored.text.length).toBeGreaterThan(0)
    expect(korean.startsWith(stored.text)).toBe(true)
    expect(generator.held).toBe(0)
    generator.script = { answer: '이어서' }
    expect(await chat.continue(stored.id).ended).toMatchObject({
      status: 'complete',
      error: null,
      text: `${stored.text}이어서`,
    })
  })

  it('that can no longer be saved fails with the reason, and the host lives on', async () => {
    const { chat, conversation, folder, context, generator, ask } = chatWith({ answer: long, tokenMs: 2 })
    const db = new Sqlite(join(folder, 'moru.db'))
    db.exec(`CREATE TRIGGER full BEFORE UPDATE ON message BEGIN SELECT raise(ABORT, 'the disk is full'); END`)
    const turn = chat.send({ conversationId: conversation.id, parentId: null, text: 'q', attachments: [] })
    const { heard, error } = await collect(turn.follow(context.signal))
    expect(error).toMatchObject({ message: 'the disk is full' })
    expect(heard.at(-1)).toMatchObject({ kind: 'finished', message: { status: 'failed', error: 'the disk is full' } })
    expect(shown(heard).text.length).toBeGreaterThan(50)
    expect(shown(heard).text.length).toBeLessThan(long.length)
    db.exec('DROP TRIGGER full')
    db.close()
    generator.script = { answer: '다시 된다' }
    expect((await ask('q')).answer).toMatchObject({ status: 'complete', text: '다시 된다' })
  })

  it('of an unknown or a base model fails before it begins, the question kept', async () => {
    const { ask, store, conversation } = chatWith({ answer: 'a', template: null })
    const { user, answer } = await ask('질문')
    expect(answer).toMatchObject({ status: 'failed', error: expect.stringContaining('no chat template') })
    store.conversations.update(conversation.id, { settings: { modelId: 'missing' } })
    expect((await ask('다시', user.id)).answer).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('missing'),
    })
    expect(store.messages.get(user.id).status).toBe('complete')
  })

  it('is interrupted, not lost, when the host shuts down', async () => {
    const { chat, conversation, store } = chatWith({ answer: long, tokenMs: 2 })
    const turn = chat.send({ conversationId: conversation.id, parentId: null, text: 'q', attachments: [] })
    await until(() => turn.answer.text.length > 50)
    await chat.close()
    const stored = store.messages.get(turn.assistant.id)
    expect(stored.status).toBe('interrupted')
    expect(stored.text).toBe(turn.answer.text)
    const again = { conversationId: conversation.id, parentId: null, text: 'late', attachments: [] }
    expect(() => chat.send(again)).toThrow(/shutting down/)
    expect(store.messages.list(conversation.id)).toHaveLength(2)
  })

  it('cannot be written twice at once, built upon, or edited while it is written', async () => {
    const { chat, conversation } = chatWith({ answer: long, tokenMs: 2 })
    const turn = chat.send({ conversationId: conversation.id, parentId: null, text: 'q', attachments: [] })
    const { id } = turn.assistant
    const next = { conversationId: conversation.id, parentId: id, text: 'q', attachments: [] }
    expect(() => chat.continue(id)).toThrow(expect.objectContaining({ code: 'conflict' }))
    expect(() => chat.edit(id, 'x')).toThrow(expect.objectContaining({ code: 'conflict' }))
    expect(() => chat.send(next)).toThrow(expect.objectContaining({ code: 'conflict' }))
    expect(() => chat.edit(turn.user!.id, 'x')).toThrow(expect.objectContaining({ code: 'invalid_input' }))
    await turn.stop('stopped')
  })
})

describe('continuing an answer', () => {
  it('goes on from its last word, in the same message', async () => {
    const { ask, chat, generator, conversation, store } = chatWith({ answer: '하나, 둘,' }, { sampling: limited(1000) })
    const { answer } = await ask('세어 줘')
    generator.script = { answer: ' 셋, 넷' }
    const longer = await chat.continue(answer.id).ended
    expect(generator.prompts[1].endsWith('<|im_start|>assistant\n하나, 둘,')).toBe(true)
    expect(longer).toMatchObject({ id: answer.id, text: '하나, 둘, 셋, 넷', status: 'complete', edited: false })
    expect(longer.usage!.completionTokens).toBeGreaterThan(answer.usage!.completionTokens)
    expect(store.messages.list(conversation.id)).toHaveLength(2)
    const edited = chat.edit(answer.id, '영, 하나,'.normalize('NFD'))
    expect(edited).toMatchObject({ text: '영, 하나,', edited: true, status: 'complete', finishReason: null })
    await chat.continue(answer.id).ended
    expect(generator.prompts[2].endsWith('<|im_start|>assistant\n영, 하나,')).toBe(true)
  })

  it('shows a reader what was there and what is added', async () => {
    const { ask, handlers, context, generator } = chatWith({ answer: '앞 ' })
    const { answer } = await ask('q')
    generator.script = { answer: '뒤', tokenMs: 1 }
    const { heard } = await collect(handlers.chatContinue({ messageId: answer.id }, context))
    expect(heard[0]).toMatchObject({ kind: 'started', user: null, assistant: { id: answer.id, text: '앞 ' } })
    expect(shown(heard).text).toBe('앞 뒤')
    expect(kinds(heard).at(-1)).toBe('finished')
  })
})

describe('tokens of an answer', () => {
  it('are kept where the settings say so, follow continuing, and go with an edit', async () => {
    const { ask, chat, handlers, context, store, generator } = chatWith({ answer: '하나 둘' })
    const { answer } = await ask('q')
    const tokens = await handlers.chatTokens({ messageId: answer.id }, context)
    expect(tokens.map((t) => t.text).join('')).toContain('하나 둘')
    expect(tokens[0].top).toHaveLength(6)
    generator.script = { answer: ' 셋' }
    await chat.continue(answer.id).ended
    expect((await handlers.chatTokens({ messageId: answer.id }, context)).length).toBeGreaterThan(tokens.length)
    chat.edit(answer.id, 'x')
    expect(await handlers.chatTokens({ messageId: answer.id }, context)).toEqual([])
    store.settings.update({ keepTokenDetails: false })
    const without = await ask('q', answer.id)
    expect(generator.requests.at(-1)!.logprobs).toBeNull()
    expect(await handlers.chatTokens({ messageId: without.answer.id }, context)).toEqual([])
    await expect(handlers.chatTokens({ messageId: 'nobody' }, context)).rejects.toThrow(/no message/)
  })
})
