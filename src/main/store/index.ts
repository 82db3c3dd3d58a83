/** The store's public face. */
export { checkBackup, restoreDatabase } from './backup'
export {
  defaultConversationSettings,
  type ConversationPatch,
  type ConversationSummary,
  normalText,
} from './conversations'
export { type Attachment, type MessagePatch, type NewMessage } from './messages'
export { type ModelFile, type ModelRow } from './models'
export { type Run } from './runs'
export { type SettingsPatch } from './settings'
export { openStore, profileFiles, type Store } from './store'
