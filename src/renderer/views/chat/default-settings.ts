import { type ConversationSettings } from '../../../shared/contract/chat'
import { sampling } from '../../../shared/contract/sampling'

/** What a new conversation answers with until something else is chosen. */
export const defaultSettings = (): ConversationSettings => ({
  modelId: null,
  systemPrompt: '',
  sampling: sampling.parse({}),
  whenFull: 'drop_oldest',
  thinking: true,
  collectionIds: [],
  answerCache: 'fixed',
})
