import { describe, expect, it, onTestFinished } from 'vitest'
import { ChatService } from '../../../src/main/chat'
import { Engine } from '../../../src/main/engine'
import { EngineService } from '../../../src/main/host/engine-service'
import { createLog } from '../../../src/main/host/log'
import { sampling } from '../../../src/shared/contract/sampling'
import { temporaryStore } from '../store/temporary-profile'
import { collect, noAnswers, shown, until } from './chat-fixture'

const path = 'resources/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1-00001-of-00003.gguf'

function realChat(maxTokens: number) {
  const store = temporaryStore()
  const models = {
    resolve: async (id: string) => ({ id, name: 'SmolLM2', path }),
    contextLength: async () => 2048,
    defaultModelId: () => 'smollm2',
    defaultEmbedderId: () => null,
  }
  const engine = new EngineService(new Engine(), models, createLog('silent'))
  const chat = new ChatService(store, engine, noAnswers)
  onTestFinished(async () => {
    await chat.close()
    await engine.close()
  })
  const { id } = store.conversations.create('', { sampling: sampling.parse({ temperature: 0, maxTokens }) })
  const send = (text: string, parentId: string | null) =>
    chat.send({ conversationId: id, parentId, text, attachments: [] })
  return { store, chat, id, send, signal: new AbortController().signal }
}

describe('a conversation with the bundled model', () => {
  it('streams, remembers, stops and goes on', { timeout: 240_000 }, async () => {
    const { store, chat, id, send, signal } = realChat(24)
    const first = send('What is the capital of France?', null)
    const { heard, error } = await collect(first.follow(signal))
    expect(error).toBeNull()
    const answer = await first.ended
    expect(answer).toMatchObject({ error: null, status: 'complete', modelId: 'smollm2' })
    expect(answer.text).toContain('Paris')
    expect(shown(heard).text).toBe(answer.text)
    expect(
      store.messages
        .tokens(answer.id)
        .map((t) => t.text)
        .join(''),
    ).toContain('Paris')

    const seen = await chat.prompt(id, answer.id, '그 도시는 어떤 곳이야?', signal)
    const second = await send('그 도시는 어떤 곳이야?', answer.id).ended
    expect(second.usage!.promptTokens).toBe(seen.tokens)
    expect(second.usage!.cachedTokens).toBeGreaterThan(answer.usage!.promptTokens - 16)

    store.conversations.update(id, { settings: { sampling: sampling.parse({ temperature: 0, maxTokens: 500 }) } })
    const long = send('Tell me a very long story about a blacksmith and an anvil.', null)
    await until(() => long.answer.text.length > 40, 60_000)
    const start = performance.now()
    const stopped = await long.stop('stopped')
    expect(performance.now() - start).toBeLessThan(2000)
    expect(stopped).toMatchObject({ status: 'stopped', finishReason: 'cancelled' })
    store.conversations.update(id, { settings: { sampling: sampling.parse({ temperature: 0, maxTokens: 8 }) } })
    const longer = await chat.continue(stopped.id).ended
    expect(longer).toMatchObject({ id: stopped.id, status: 'complete', finishReason: 'length' })
    expect(longer.text.startsWith(stopped.text)).toBe(true)
    expect(longer.text.length).toBeGreaterThan(stopped.text.length)
    expect(longer.usage!.completionTokens).toBe(stopped.usage!.completionTokens + 8)
  })
})
