/** What the host answers for conversations.*, chat.* and presets.*, keyed by the names the contract exports them under. */
import { type HandlersFor } from '../../shared/contract/handlers'
import { type Store } from '../store'
import { type ChatService } from './chat-service'
import { exportConversation } from './export'

type ConversationRoutes =
  | 'conversationsList'
  | 'conversationsGet'
  | 'conversationsCreate'
  | 'conversationsUpdate'
  | 'conversationsRemove'
  | 'conversationsRestore'
  | 'conversationsExport'
type ChatRoutes =
  'chatSend' | 'chatRegenerate' | 'chatContinue' | 'chatFollow' | 'chatStop' | 'chatEdit' | 'chatTokens' | 'chatPrompt'

export function conversationHandlers(store: Store, chat: ChatService): HandlersFor<ConversationRoutes> {
  const { conversations, messages } = store
  return {
    conversationsList: async ({ search, limit }) => conversations.list(search, limit),
    conversationsGet: async ({ id }) => ({ conversation: conversations.get(id), messages: messages.list(id) }),
    conversationsCreate: async ({ title, settings }) => conversations.create(title, settings),
    conversationsUpdate: async ({ id, ...patch }) => conversations.update(id, patch),
    conversationsRemove: async ({ id }) => {
      await chat.removeConversation(id)
      return {}
    },
    conversationsRestore: async ({ id }) => conversations.restore(id),
    conversationsExport: async ({ id, format }) => exportConversation(conversations.get(id), messages.list(id), format),
  }
}

export function chatHandlers(store: Store, chat: ChatService): HandlersFor<ChatRoutes> {
  return {
    chatSend: (input, { signal }) => chat.send(input).follow(signal),
    chatRegenerate: ({ messageId }, { signal }) => chat.regenerate(messageId).follow(signal),
    chatContinue: ({ messageId }, { signal }) => chat.continue(messageId).follow(signal),
    async *chatFollow({ messageId }, { signal }) {
      const turn = chat.turn(messageId)
      if (turn) yield* turn.follow(signal)
    },
    chatStop: async ({ messageId }) => {
      await chat.stop(messageId)
      return {}
    },
    chatEdit: async ({ messageId, text }) => chat.edit(messageId, text),
    chatTokens: async ({ messageId }) => {
      store.messages.get(messageId)
      return store.messages.tokens(messageId)
    },
    chatPrompt: ({ conversationId, messageId, draft }, { signal }) =>
      chat.prompt(conversationId, messageId, draft, signal),
  }
}

export function presetHandlers({ presets }: Store): HandlersFor<'presetsList' | 'presetsSave' | 'presetsRemove'> {
  return {
    presetsList: async () => presets.list(),
    presetsSave: async (preset) => presets.save(preset),
    presetsRemove: async ({ id }) => {
      presets.remove(id)
      return {}
    },
  }
}

/** Without backup and restore: those replace what the host runs on, and are the host's own. */
export function settingsHandlers(
  { settings }: Store,
  onChange: () => void = () => undefined,
): HandlersFor<'settingsGet' | 'settingsUpdate' | 'settingsSetHubToken'> {
  return {
    settingsGet: async () => settings.get(),
    settingsUpdate: async (patch) => {
      const whole = settings.update(patch)
      onChange()
      return whole
    },
    settingsSetHubToken: async ({ token }) => settings.setHubToken(token),
  }
}
