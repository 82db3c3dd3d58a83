/** Turns: an answer that grows, can be watched by several, stopped, continued and edited. */
import { type Message, type TurnEvent } from '../../../src/shared/contract/chat'
import { find, pause, type World } from './handlers'
import { aSources } from './knowledge-samples'
import { aMessage } from './samples'
import { type Handlers } from './test-host'

interface Running {
  stop: AbortController
  ended: Promise<void>
}

export function chatHandlers(world: World) {
  const running = new Map<string, Running>()

  async function write(message: Message, signal: AbortSignal) {
    const { text, reasoning = '', everyMs } = world.answer
    for (const character of reasoning) {
      if (signal.aborted) break
      message.reasoning = (message.reasoning ?? '') + character
      await pause(everyMs, signal)
    }
    for (const character of text) {
      if (signal.aborted) break
      message.text += character
      await pause(everyMs, signal)
    }
    const whole = aMessage({ id: message.id, role: 'assistant' })
    Object.assign(message, {
      status: signal.aborted ? 'stopped' : 'complete',
      finishReason: signal.aborted ? 'cancelled' : 'stop',
      usage: whole.usage,
      timings: whole.timings,
      reasoningMs: message.reasoning ? 1200 : null,
    })
    if (message.sources && !signal.aborted)
      Object.assign(message, { text: `${text.replace(/\.$/, '')} [1].`, sources: aSources() })
  }

  function begin(message: Message) {
    const stop = new AbortController()
    const ended = write(message, stop.signal).finally(() => running.delete(message.id))
    running.set(message.id, { stop, ended })
  }

  async function* watch(message: Message, signal: AbortSignal): AsyncIterable<TurnEvent> {
    let { text, reasoning } = message
    while (running.has(message.id) && !signal.aborted) {
      await pause(5, signal)
      const delta = {
        text: message.text.slice(text.length),
        reasoning: (message.reasoning ?? '').slice(reasoning?.length ?? 0),
      }
      text = message.text
      reasoning = message.reasoning
      if (delta.text || delta.reasoning) yield { kind: 'delta', ...delta, tokensPerSecond: 24.1 }
    }
    yield { kind: 'finished', message }
  }

  async function* answer(
    conversationId: string,
    parentId: string | null,
    user: Message | null,
    signal: AbortSignal,
  ): AsyncIterable<TurnEvent> {
    if (world.refuseWith) throw world.refuseWith
    const id = `m${world.nextId++}`
    const message = aMessage({
      id,
      role: 'assistant',
      conversationId,
      parentId,
      status: 'streaming',
      finishReason: null,
      usage: null,
      timings: null,
      createdAt: Date.now(),
    })
    world.messages.set(id, message)
    find(world.conversations, conversationId).currentMessageId = id
    yield { kind: 'started', user, assistant: message }
    const sourced = find(world.conversations, conversationId).settings.collectionIds.length > 0
    if (sourced) {
      yield { kind: 'progress', stage: 'searching', done: 0, total: 0 }
      message.sources = aSources({ citations: [] })
      yield { kind: 'sources', sources: message.sources }
    }
    yield { kind: 'progress', stage: 'prefill', done: 0, total: 41 }
    begin(message)
    yield* watch(message, signal)
  }

  return {
    async *chatSend({ conversationId, parentId, text, attachments }, signal) {
      if (world.refuseWith) throw world.refuseWith
      const conversation = find(world.conversations, conversationId)
      const user = aMessage({
        id: `m${world.nextId++}`,
        role: 'user',
        conversationId,
        parentId,
        text,
        attachments,
        createdAt: Date.now(),
      })
      world.messages.set(user.id, user)
      if (!conversation.title) conversation.title = text.slice(0, 40)
      yield* answer(conversationId, user.id, user, signal)
    },
    chatRegenerate({ messageId }, signal) {
      const { conversationId, parentId } = find(world.messages, messageId)
      return answer(conversationId, parentId, null, signal)
    },
    async *chatContinue({ messageId }, signal) {
      const message = find(world.messages, messageId)
      message.status = 'streaming'
      yield { kind: 'started', user: null, assistant: message }
      begin(message)
      yield* watch(message, signal)
    },
    async *chatFollow({ messageId }, signal) {
      const message = find(world.messages, messageId)
      if (!running.has(messageId)) return
      yield { kind: 'started', user: null, assistant: message }
      yield* watch(message, signal)
    },
    async chatStop({ messageId }) {
      const turn = running.get(messageId)
      turn?.stop.abort()
      await turn?.ended
      return {}
    },
    chatEdit({ messageId, text }) {
      return Object.assign(find(world.messages, messageId), { text, edited: true })
    },
    chatTokens({ messageId }) {
      const words = find(world.messages, messageId).text.match(/\s*\S+/g) ?? []
      return words.map((text, index) => ({
        id: index,
        text,
        logprob: index % 5 === 4 ? -2.1 : -0.1 * (index % 4),
        top: Array.from({ length: 6 }, (_, rank) => ({
          id: index + rank * 1000,
          text: rank ? ` word${rank}` : text,
          logprob: -0.4 - rank,
        })),
      }))
    },
    chatPrompt({ messageId, draft }) {
      const text = messageId ? find(world.messages, messageId).text : ''
      return {
        text: `<|im_start|>user\n${text}${draft}<|im_end|>\n`,
        tokens: 40 + text.length + draft.length,
        contextLength: 8192,
        droppedMessages: 0,
      }
    },
  } satisfies Partial<Handlers>
}
