import { describe, expect, it } from 'vitest'
import { ChatService, presetHandlers, settingsHandlers } from '../../../src/main/chat'
import { titleFrom } from '../../../src/main/chat/title'
import { contract } from '../../../src/shared/contract'
import { temporaryStore } from '../store/temporary-profile'
import { chatWith, noAnswers, until } from './chat-fixture'
import { ScriptedGenerator } from './scripted-generator'

describe('titles', () => {
  it.each([
    ['짧은 질문', '짧은 질문'],
    ['  여러\n줄\t질문  ', '여러 줄 질문'],
    [
      'Please explain in simple words how a transformer model attends to the tokens before it',
      'Please explain in simple words how a transformer model…',
    ],
    ['가'.repeat(80), `${'가'.repeat(59)}…`],
    [`${'서울의 날씨는 '.repeat(10)}`, /^서울의 날씨는.*[^ ]…$/],
    ['👩‍🚀'.repeat(70), `${'👩‍🚀'.repeat(59)}…`],
    [`a ${'b'.repeat(100)}`, `a ${'b'.repeat(57)}…`],
    [`${'x'.repeat(59)} y`, `${'x'.repeat(59)}…`],
  ])('%s', (question, title) => {
    const made = titleFrom(question)
    if (title instanceof RegExp) expect(made).toMatch(title)
    else expect(made).toBe(title)
    expect([...new Intl.Segmenter().segment(made)].length).toBeLessThanOrEqual(60)
  })

  it('are taken from the first question and never changed again', async () => {
    const { ask, store, conversation, handlers, context } = chatWith({ answer: 'a' })
    const first = await ask('모루가 뭐야?')
    await ask('또 다른 질문', first.answer.id)
    expect(store.conversations.get(conversation.id).title).toBe('모루가 뭐야?')
    await handlers.conversationsUpdate({ id: conversation.id, title: '내 제목' }, context)
    await ask('셋째', first.answer.id)
    expect(store.conversations.get(conversation.id).title).toBe('내 제목')
  })
})

describe('a conversation', () => {
  it('is found, shown, renamed and pinned', async () => {
    const { ask, handlers, context, conversation } = chatWith({ answer: '모루는 쇠를 두드리는 받침이다.' })
    const { user, answer } = await ask('모루가 뭐야?')
    const found = await handlers.conversationsList({ search: '두드리', limit: 10 }, context)
    expect(contract.conversationsList.output.parse(found)).toMatchObject([
      { id: conversation.id, snippet: answer.text },
    ])
    expect(found[0]).not.toHaveProperty('settings')
    const shown = await handlers.conversationsGet({ id: conversation.id }, context)
    expect(contract.conversationsGet.output.parse(shown)).toEqual(shown)
    expect(shown.messages).toEqual([user, answer])
    const changed = await handlers.conversationsUpdate(
      { id: conversation.id, pinned: true, currentMessageId: user.id, settings: { thinking: false } },
      context,
    )
    expect(changed).toMatchObject({ pinned: true, currentMessageId: user.id, settings: { thinking: false } })
  })

  it('is removed while it is being answered, and restored with what was written', async () => {
    const { chat, handlers, context, conversation, store } = chatWith({ answer: '가 '.repeat(500), tokenMs: 2 })
    const turn = chat.send({ conversationId: conversation.id, parentId: null, text: 'q', attachments: [] })
    await until(() => turn.answer.text.length > 10)
    await handlers.conversationsRemove({ id: conversation.id }, context)
    expect(await handlers.conversationsList({ search: '', limit: 10 }, context)).toEqual([])
    const late = { conversationId: conversation.id, parentId: null, text: 'late', attachments: [] }
    expect(() => chat.send(late)).toThrow(/no conversation/)
    await expect(handlers.conversationsGet({ id: conversation.id }, context)).rejects.toThrow(/no conversation/)
    await handlers.conversationsRestore({ id: conversation.id }, context)
    expect(store.messages.get(turn.assistant.id)).toMatchObject({ status: 'stopped', text: turn.answer.text })
  })

  it('is exported as its visible branch in Markdown and whole in JSON', async () => {
    const { ask, chat, handlers, context, conversation, store, generator } = chatWith(
      { answer: '<think>\n흠\n</think>\n첫 답' },
      { systemPrompt: '짧게.\n정확하게.' },
    )
    const first = await ask('서울/부산: 어디가 커?', null, [{ name: '표.csv', text: 'a,b' }])
    generator.script = { answer: '둘째 답' }
    await chat.regenerate(first.answer.id).ended
    const markdown = await handlers.conversationsExport({ id: conversation.id, format: 'markdown' }, context)
    expect(markdown.fileName).toBe('서울 부산 어디가 커.md')
    expect(markdown.text).toBe(
      '# 서울/부산: 어디가 커?\n\n> 짧게.\n> 정확하게.\n\n## User\n\n표.csv\n```\na,b\n```\n\n서울/부산: 어디가 커?\n\n' +
        '## Assistant (bundled)\n\n둘째 답\n',
    )
    store.conversations.update(conversation.id, { currentMessageId: first.answer.id })
    expect((await handlers.conversationsExport({ id: conversation.id, format: 'markdown' }, context)).text).toContain(
      '> 흠\n\n첫 답',
    )
    const json = await handlers.conversationsExport({ id: conversation.id, format: 'json' }, context)
    const whole = JSON.parse(json.text) as { messages: unknown[]; conversation: unknown }
    expect(json.fileName).toBe('서울 부산 어디가 커.json')
    expect(whole.messages).toEqual(store.messages.list(conversation.id))
    expect(whole.conversation).toEqual(store.conversations.get(conversation.id))
    store.conversations.update(conversation.id, { title: '///' })
    expect((await handlers.conversationsExport({ id: conversation.id, format: 'json' }, context)).fileName).toBe(
      'conversation.json',
    )
  })
})

describe('the prompt on view', () => {
  it('is what the model then gets, to the token', async () => {
    const { ask, handlers, context, conversation, generator } = chatWith({ answer: '답' }, { systemPrompt: '짧게.' })
    const { answer } = await ask('첫 질문')
    const draft = '둘째 질문'
    const seen = await handlers.chatPrompt({ conversationId: conversation.id, messageId: answer.id, draft }, context)
    await ask(draft, answer.id)
    expect(seen.text).toBe(generator.prompts[1])
    expect(seen).toMatchObject({
      tokens: generator.requests[1].promptIds.length,
      contextLength: 2048,
      droppedMessages: 0,
    })
    const path = await handlers.chatPrompt(
      { conversationId: conversation.id, messageId: answer.id, draft: '' },
      context,
    )
    expect(path.text.endsWith('assistant\n답<|im_end|>\n')).toBe(true)
    expect(generator.loads).toHaveLength(2)
  })

  it('is empty for an empty conversation, and knows its own messages only', async () => {
    const { handlers, context, conversation, store } = chatWith({ answer: '' })
    const empty = await handlers.chatPrompt({ conversationId: conversation.id, messageId: null, draft: '' }, context)
    expect(empty).toMatchObject({ text: '', tokens: 0 })
    const other = store.conversations.create('', {})
    const foreign = store.messages.add({ conversationId: other.id, parentId: null, role: 'user', text: 'x' })
    await expect(
      handlers.chatPrompt({ conversationId: conversation.id, messageId: foreign.id, draft: '' }, context),
    ).rejects.toThrow(/in this conversation/)
    expect(() =>
      handlers.chatSend({ conversationId: conversation.id, parentId: foreign.id, text: 'q', attachments: [] }, context),
    ).toThrow(/in this conversation/)
  })
})

describe('the model that answers', () => {
  it("is the conversation's, else the person's default, else the bundled one, loaded as the settings say", async () => {
    const { ask, store, conversation, generator } = chatWith({ answer: 'a' })
    expect((await ask('q')).answer.modelId).toBe('bundled')
    const load = { contextLength: 512, computeType: 'f16' as const, kvType: 'f32' as const }
    store.settings.update({ defaultModelId: '나의/모델', load: { '나의/모델': load } })
    expect((await ask('q')).answer.modelId).toBe('나의/모델')
    expect(generator.loads[1]).toEqual({ modelId: '나의/모델', load })
    store.conversations.update(conversation.id, { settings: { modelId: 'own' } })
    expect((await ask('q')).answer.modelId).toBe('own')
  })

  it('must be there', () => {
    const store = temporaryStore()
    const generator = new ScriptedGenerator({ answer: '' })
    const chat = new ChatService(store, Object.assign(generator, { defaultModelId: () => null }), noAnswers)
    const { id } = store.conversations.create('', {})
    const input = { conversationId: id, parentId: null, text: 'q', attachments: [] }
    expect(() => chat.send(input)).toThrow(expect.objectContaining({ code: 'model_not_loaded' }))
    expect(store.messages.list(id)).toEqual([])
  })
})

describe('settings and presets', () => {
  it('answer as the contract says', async () => {
    const store = temporaryStore()
    const context = { signal: new AbortController().signal }
    const settings = settingsHandlers(store)
    const presets = presetHandlers(store)
    expect((await settings.settingsUpdate({ language: 'ko' }, context)).language).toBe('ko')
    const answered = await settings.settingsSetHubToken({ token: 'hf_x' }, context)
    expect(contract.settingsSetHubToken.output.parse(answered)).toEqual(await settings.settingsGet({}, context))
    expect(answered.hub.hasToken).toBe(true)
    const input = contract.presetsSave.input.parse({
      id: null,
      name: '번역',
      load: null,
      settings: { systemPrompt: '옮겨라', sampling: {}, whenFull: 'error', thinking: false },
    })
    const saved = await presets.presetsSave(input, context)
    expect(await presets.presetsList({}, context)).toEqual([saved])
    await presets.presetsRemove({ id: saved.id }, context)
    expect(await presets.presetsList({}, context)).toEqual([])
  })
})
