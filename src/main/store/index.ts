/** The store's public face. */
export { checkBackup, restoreDatabase } from './backup'
export { type CacheBounds, type CachedAnswer, type CacheCounts, type NewCachedAnswer } from './cached-answers'
export { type ChunkSource, type ChunkRepository, type StoredChunk } from './chunks'
export {
  type PassageLanguage,
  type SearchState,
  type Separation,
  type StoredVectorModel,
  type VectorModel,
} from './collections'
export {
  defaultConversationSettings,
  type ConversationPatch,
  type ConversationSummary,
  normalText,
} from './conversations'
export { type DocumentFile, type KnownDocument, type NewChunk, type NewContent } from './documents'
export { type Attachment, type MessagePatch, type NewMessage } from './messages'
export { type ModelFile, type ModelRow } from './models'
export { type Redaction } from './redaction'
export { type Run } from './runs'
export { type SettingsPatch } from './settings'
export { openStore, profileFiles, type Store } from './store'
export { type ChunkTerms, readPostings, type TermRepository } from './terms'
export { type ExportedSpan } from './trace-exports'
export { type TraceRecord, type TraceWrite } from './traces'
export { floatsOf, quantizeVector, type StoredVector, type VectorGraph, type VectorRepository } from './vectors'
