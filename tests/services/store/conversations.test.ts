import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { temporaryFolder, temporaryStore } from './temporary-profile'

describe('conversations', () => {
  it('keeps settings over the defaults and merges changes', () => {
    const { conversations } = temporaryStore()
    const made = conversations.create('', { systemPrompt: '짧게 답해.' })
    expect(made.settings).toMatchObject({
      systemPrompt: '짧게 답해.',
      modelId: null,
      whenFull: 'drop_oldest',
      thinking: true,
    })
    const changed = conversations.update(made.id, { title: '인사', pinned: true, settings: { modelId: 'a/b' } })
    expect(changed).toMatchObject({
      title: '인사',
      pinned: true,
      settings: { systemPrompt: '짧게 답해.', modelId: 'a/b' },
    })
    expect(conversations.get(made.id)).toEqual(changed)
    expect(() => conversations.get('nobody')).toThrow(expect.objectContaining({ code: 'not_found' }))
  })

  it('lists pinned ones first, then those something was said in last', async () => {
    const { conversations } = temporaryStore()
    const [a, b, c] = ['a', 'b', 'c'].map((t) => conversations.create(t, {}))
    await new Promise((resolve) => setTimeout(resolve, 5))
    conversations.touch(a.id)
    conversations.update(b.id, { pinned: true })
    expect(conversations.list('', 10).map((s) => s.id)).toEqual([b.id, a.id, c.id])
    expect(conversations.list('', 1)).toHaveLength(1)
  })

  it('hides a removed one until it is restored; purging takes it with all its messages', () => {
    const store = temporaryStore()
    const { conversations, messages } = store
    const { id } = conversations.create('t', {})
    const message = messages.add({ conversationId: id, parentId: null, role: 'user', text: '안녕하세요 여러분' })
    conversations.remove(id)
    expect(conversations.list('', 10)).toEqual([])
    expect(conversations.list('안녕', 10)).toEqual([])
    expect(() => messages.get(message.id)).toThrow(/no message/)
    expect(() => conversations.remove(id)).toThrow(/no conversation/)
    expect(conversations.restore(id).id).toBe(id)
    expect(messages.get(message.id)).toEqual(message)
    conversations.remove(id)
    expect(store.recover().purgedConversations).toHaveLength(1)
    expect(() => conversations.restore(id)).toThrow(/deleted for good/)
  })

  it('deletes a conversation of thousands of turns, tokens and attachments included', () => {
    const folder = temporaryFolder()
    const store = temporaryStore(folder)
    const { conversations, messages } = store
    const { id } = conversations.create('long', {})
    store.transaction(() => {
      let parentId: string | null = null
      for (let i = 0; i < 3000; i++)
        parentId = messages.add({
          conversationId: id,
          parentId,
          role: i % 2 ? 'assistant' : 'user',
          text: `문장 번호 ${i}`,
          attachments: i === 0 ? [{ name: 'a.txt', text: 'x' }] : [],
        }).id
      messages.setTokens(parentId!, [])
      conversations.update(id, { currentMessageId: parentId })
    })
    conversations.remove(id)
    conversations.purgeRemoved()
    const db = new Sqlite(join(folder, 'moru.db'))
    for (const table of ['conversation', 'message', 'attachment', 'message_tokens'])
      expect(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get(), table).toBe(0)
    expect(db.prepare(`SELECT count(*) FROM message_search WHERE message_search MATCH '"번호 "'`).pluck().get()).toBe(0)
    db.exec(`INSERT INTO message_search (message_search, rank) VALUES ('integrity-check', 1)`)
    db.close()
  })
})

describe('messages', () => {
  it('form a tree within one conversation', () => {
    const { conversations, messages } = temporaryStore()
    const [one, two] = [conversations.create('1', {}), conversations.create('2', {})]
    const root = messages.add({ conversationId: one.id, parentId: null, role: 'user', text: 'q' })
    const answers = ['a', 'b'].map((text) =>
      messages.add({ conversationId: one.id, parentId: root.id, role: 'assistant', text }),
    )
    expect(messages.list(one.id)).toEqual([root, ...answers])
    const foreign = { conversationId: two.id, parentId: root.id, role: 'user' as const, text: 'x' }
    expect(() => messages.add(foreign)).toThrow(/FOREIGN KEY/)
    expect(() => messages.add({ ...foreign, parentId: 'nobody' })).toThrow(/FOREIGN KEY/)
    expect(() => conversations.update(two.id, { currentMessageId: root.id })).toThrow(/not? message/)
    expect(conversations.update(one.id, { currentMessageId: root.id }).currentMessageId).toBe(root.id)
  })

  it('keep every field, attachments and tokens', () => {
    const { conversations, messages } = temporaryStore()
    const { id: conversationId } = conversations.create('', {})
    const attachments = [
      { name: '메모.txt', text: '첫째\n둘째' },
      { name: 'b.md', text: '' },
    ]
    const user = messages.add({ conversationId, parentId: null, role: 'user', text: 'q', attachments })
    expect(messages.get(user.id).attachments).toEqual(attachments)
    expect(messages.list(conversationId)[0].attachments).toEqual(attachments)
    const answer = messages.add({
      conversationId,
      parentId: user.id,
      role: 'assistant',
      text: '',
      status: 'streaming',
      modelId: 'm',
    })
    const patch = {
      text: '답 👍🏽',
      reasoning: '생각',
      reasoningMs: 12.5,
      status: 'stopped' as const,
      error: 'e',
      finishReason: 'length' as const,
      usage: { promptTokens: 1, cachedTokens: 2, completionTokens: 3 },
      timings: { loadMs: 0, ttftMs: 1.5, prefillTokensPerSecond: 2, decodeTokensPerSecond: 3 },
      droppedMessages: 2,
      edited: true,
    }
    messages.update(answer.id, patch)
    expect(messages.get(answer.id)).toEqual({ ...answer, ...patch })
    const tokens = [{ id: 1, text: '안', logprob: -0.5, top: [{ id: 2, text: '녕', logprob: -1 }] }]
    expect(messages.tokens(answer.id)).toEqual([])
    messages.setTokens(answer.id, tokens)
    expect(messages.tokens(answer.id)).toEqual(tokens)
    messages.setTokens(answer.id, null)
    expect(messages.tokens(answer.id)).toEqual([])
  })

  it('that were being written are marked at the next start', () => {
    const store = temporaryStore()
    const { id: conversationId } = store.conversations.create('', {})
    const add = (status: 'streaming' | 'complete') =>
      store.messages.add({ conversationId, parentId: null, role: 'assistant', text: '반쯤 쓴 답', status })
    const [streaming, complete] = [add('streaming'), add('complete')]
    expect(store.recover().interruptedMessages).toBe(1)
    expect(store.messages.get(streaming.id)).toMatchObject({ status: 'interrupted', text: '반쯤 쓴 답' })
    expect(store.messages.get(complete.id).status).toBe('complete')
  })

  it('are kept from rows that no message could be', () => {
    const folder = temporaryFolder()
    const { conversations } = temporaryStore(folder)
    const { id } = conversations.create('', {})
    const db = new Sqlite(join(folder, 'moru.db'))
    const insert = (role: string, status: string, usage: string | null) =>
      db
        .prepare(
          `INSERT INTO message (id, conversation_id, role, text, status, usage, created_at) VALUES ('x', ?, ?, '', ?, ?, 1)`,
        )
        .run(id, role, status, usage)
    expect(() => insert('robot', 'complete', null)).toThrow(/CHECK/)
    expect(() => insert('user', 'odd', null)).toThrow(/CHECK/)
    expect(() => insert('user', 'complete', '{')).toThrow(/CHECK/)
    expect(insert('user', 'complete', '{}').changes).toBe(1)
    expect(() => insert('user', 'complete', '{}')).toThrow(/UNIQUE/)
    db.close()
  })
})
