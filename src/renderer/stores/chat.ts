import { defineStore } from 'pinia'
import { reactive, ref } from 'vue'
import { type Conversation, type ConversationSettings, type Message, type TurnEvent } from '../../shared/contract/chat'
import { type MoruError, toMoruError } from '../../shared/errors'
import { useClient } from '../api'
import { useConversations } from './conversations'

export interface OpenConversation {
  conversation: Conversation
  messages: Map<string, Message>
}

/** An answer being written, beyond what is stored with it. */
export interface Turn {
  conversationId: string
  progress: { stage: 'searching' | 'loading' | 'prefill'; done: number; total: number } | null
  tokensPerSecond: number | null
  startedAt: number
}

/** How long after the last change of a setting it is told to the host. */
const restMs = 250

/** Conversations that were opened, and the answers being written in them. */
export const useChat = defineStore('chat', () => {
  const client = useClient()
  const api = client.api
  const list = useConversations()
  const opened = reactive(new Map<string, OpenConversation>())
  const turns = reactive(new Map<string, Turn>())
  /** What went wrong last in a conversation, until something is tried again. */
  const failures = reactive(new Map<string, unknown>())
  const lastOpenedId = ref<string | null>(null)
  const unsaved = new Map<string, Partial<ConversationSettings>>()
  let saveTimer: ReturnType<typeof setTimeout> | undefined

  /** Fetches a conversation, and watches answers that are being written in it. */
  async function open(id: string): Promise<OpenConversation> {
    const { conversation, messages } = await api.conversations.get({ id })
    opened.set(id, { conversation, messages: new Map(messages.map((m) => [m.id, m])) })
    for (const message of messages)
      if (message.status === 'streaming' && !turns.has(message.id))
        void watch(id, api.chat.follow({ messageId: message.id }), message.id)
    return opened.get(id) as OpenConversation
  }

  async function create(settings: Partial<ConversationSettings>): Promise<Conversation> {
    const conversation = await api.conversations.create({ settings })
    opened.set(conversation.id, { conversation, messages: new Map() })
    return conversation
  }

  /** Changes settings at once here and, when the hand rests, on the host. */
  function update(id: string, settings: Partial<ConversationSettings>) {
    const open = opened.get(id)
    if (open) Object.assign(open.conversation.settings, settings)
    unsaved.set(id, { ...unsaved.get(id), ...settings })
    clearTimeout(saveTimer)
    saveTimer = setTimeout(() => void saveSettings(), restMs)
  }

  /** Tells the host what was changed and not yet told. */
  async function saveSettings() {
    clearTimeout(saveTimer)
    const waiting = [...unsaved]
    unsaved.clear()
    for (const [id, settings] of waiting) {
      try {
        await api.conversations.update({ id, settings })
      } catch (thrown) {
        failures.set(id, thrown)
      }
    }
  }

  /** Shows the branch that ends at `leafId`. */
  async function select(id: string, leafId: string) {
    const open = opened.get(id)
    if (open) open.conversation.currentMessageId = leafId
    await api.conversations.update({ id, currentMessageId: leafId })
  }

  function apply(conversationId: string, event: TurnEvent, writing: { id: string | null }) {
    const open = opened.get(conversationId)
    if (!open) return
    if (event.kind === 'started') {
      if (event.user) open.messages.set(event.user.id, event.user)
      open.messages.set(event.assistant.id, event.assistant)
      open.conversation.currentMessageId = event.assistant.id
      writing.id = event.assistant.id
      turns.set(writing.id, { conversationId, progress: null, tokensPerSecond: null, startedAt: Date.now() })
    } else if (event.kind === 'finished') {
      open.messages.set(event.message.id, event.message)
    } else if (writing.id !== null) {
      applyProgress(open, writing.id, event)
    }
  }

  function applyProgress(open: OpenConversation, id: string, event: TurnEvent) {
    const turn = turns.get(id)
    if (event.kind === 'progress' && turn) turn.progress = event
    const message = open.messages.get(id)
    if (event.kind === 'sources' && message) message.sources = event.sources
    if (event.kind !== 'delta') return
    if (turn) Object.assign(turn, { progress: null, tokensPerSecond: event.tokensPerSecond })
    if (!message) return
    message.text += event.text
    if (event.reasoning) message.reasoning = (message.reasoning ?? '') + event.reasoning
  }

  /**
   * Shows a turn as it is written. Answers once it has ended; throws when it could not be started.
   *
   * @param known the answer's id where it is known before the turn says so
   * @param onStarted called when the host has stored the messages
   */
  async function watch(
    conversationId: string,
    events: AsyncIterable<TurnEvent>,
    known: string | null = null,
    onStarted: () => void = () => {},
  ) {
    const writing = { id: known }
    if (known) turns.set(known, { conversationId, progress: null, tokensPerSecond: null, startedAt: Date.now() })
    failures.delete(conversationId)
    try {
      for await (const event of events) {
        apply(conversationId, event, writing)
        if (event.kind === 'started') {
          onStarted()
          void list.refresh()
        }
      }
    } catch (thrown) {
      await ended(conversationId, toMoruError(thrown), writing.id)
    } finally {
      if (writing.id) turns.delete(writing.id)
      void list.refresh()
    }
  }

  async function ended(conversationId: string, error: MoruError, writingId: string | null) {
    // While the host is away the streamed text stays; what became of it is fetched when it is back.
    if (writingId === null || error.code !== 'network') failures.set(conversationId, error)
    if (writingId === null) throw error
    if (error.code !== 'network') await open(conversationId).catch(() => {})
  }

  /** Starts a turn under the settings that are shown, told to the host or not. */
  async function turn(conversationId: string, start: () => AsyncIterable<TurnEvent>, onStarted?: () => void) {
    await saveSettings()
    await watch(conversationId, start(), null, onStarted)
  }

  const send = (
    conversationId: string,
    parentId: string | null,
    content: Pick<Message, 'text' | 'attachments'>,
    onStarted?: () => void,
  ) => turn(conversationId, () => api.chat.send({ conversationId, parentId, ...content }), onStarted)

  const regenerate = (conversationId: string, messageId: string) =>
    turn(conversationId, () => api.chat.regenerate({ messageId }))
  const resume = (conversationId: string, messageId: string) =>
    turn(conversationId, () => api.chat.continue({ messageId }))
  const stop = (messageId: string) => api.chat.stop({ messageId })

  async function editAnswer(conversationId: string, messageId: string, text: string) {
    const message = await api.chat.edit({ messageId, text })
    opened.get(conversationId)?.messages.set(message.id, message)
  }

  /** The answer being written in a conversation, if any. */
  function writingIn(conversationId: string): string | null {
    for (const [messageId, turn] of turns) if (turn.conversationId === conversationId) return messageId
    return null
  }

  client.onState((state) => {
    if (state !== 'ready') return
    for (const id of opened.keys()) void open(id).catch((thrown: unknown) => failures.set(id, thrown))
  })

  return {
    opened,
    turns,
    failures,
    lastOpenedId,
    open,
    create,
    update,
    select,
    send,
    regenerate,
    resume,
    stop,
    editAnswer,
    writingIn,
  }
})
