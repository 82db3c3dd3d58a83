import { expect, onTestFinished } from 'vitest'
import { chatHandlers, ChatService, conversationHandlers, type DocumentAnswers } from '../../../src/main/chat'
import { type ConversationSettings, type Message, type TurnEvent, turnEvent } from '../../../src/shared/contract/chat'
import { sampling } from '../../../src/shared/contract/sampling'
import { temporaryFolder, temporaryStore } from '../store/temporary-profile'
import { type Script, ScriptedGenerator } from './scripted-generator'

/** For conversations that ask no documents. */
export const noAnswers: DocumentAnswers = () => {
  throw new Error('documents were asked')
}

/** A chat service over a real store and a scripted generator, with one conversation. */
export function chatWith(
  script: Script,
  settings: Partial<ConversationSettings> = {},
  answers: DocumentAnswers = noAnswers,
) {
  const folder = temporaryFolder()
  const store = temporaryStore(folder)
  const generator = new ScriptedGenerator(script)
  const chat = new ChatService(store, generator, answers)
  // Runs before the store's own closing: what was registered last runs first.
  onTestFinished(() => chat.close())
  const conversation = store.conversations.create('', settings)
  const handlers = { ...conversationHandlers(store, chat), ...chatHandlers(store, chat) }
  const signal = new AbortController().signal
  /** Sends a question and waits for its answer as stored. */
  const ask = async (text: string, parentId: string | null = null, attachments: Message['attachments'] = []) => {
    const turn = chat.send({ conversationId: conversation.id, parentId, text, attachments })
    return { user: turn.user!, answer: await turn.ended }
  }
  return { folder, store, generator, chat, conversation, handlers, context: { signal }, ask }
}

/** All events of a stream, each valid under the contract, with the error it ended in. */
export async function collect(events: AsyncIterable<TurnEvent>) {
  const heard: TurnEvent[] = []
  try {
    for await (const event of events) heard.push(turnEvent.parse(event))
  } catch (error) {
    return { heard, error }
  }
  return { heard, error: null }
}

/** What a reader that was there from `started` on has on view at the end. */
export function shown(heard: TurnEvent[]) {
  const [started] = heard
  expect(started.kind).toBe('started')
  if (started.kind !== 'started') throw new Error('no start')
  let { text } = started.assistant
  let reasoning = started.assistant.reasoning ?? ''
  for (const event of heard)
    if (event.kind === 'delta') {
      text += event.text
      reasoning += event.reasoning
    }
  return { text, reasoning }
}

export const limited = (maxTokens: number) => sampling.parse({ maxTokens })

/** Resolves once `condition` holds. */
export async function until(condition: () => boolean, limitMs = 5000): Promise<void> {
  const end = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > end) throw new Error('it did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
