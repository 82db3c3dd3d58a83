/** The profile's store: one database, a repository per table group. */
import { join } from 'node:path'
import { backupDatabase } from './backup'
import { cachedAnswerRepository } from './cached-answers'
import { chunkRepository } from './chunks'
import { collectionRepository } from './collections'
import { conversationRepository } from './conversations'
import { type Database, openDatabase } from './database'
import { documentRepository } from './documents'
import { hubTokenFile } from './hub-token'
import { messageRepository } from './messages'
import { modelRepository } from './models'
import { presetRepository } from './presets'
import { ceilingRepository, profileRepository } from './profiles'
import { runRepository } from './runs'
import { settingsRepository } from './settings'
import { termRepository } from './terms'
import { vectorRepository } from './vectors'

/** Names of the profile's files and folders within its folder. */
export const profileFiles = { database: 'moru.db', hubToken: 'hub-token', vectorGraphs: 'vector-graphs' }

/** Opens (or makes) the profile in `folder`. @throws what openDatabase throws. */
export function openStore(folder: string) {
  const db: Database = openDatabase(join(folder, profileFiles.database))
  const hubToken = hubTokenFile(join(folder, profileFiles.hubToken))
  const terms = termRepository(db)
  const vectors = vectorRepository(db)
  const store = {
    conversations: conversationRepository(db),
    messages: messageRepository(db),
    models: modelRepository(db),
    settings: settingsRepository(db, hubToken),
    presets: presetRepository(db),
    runs: runRepository(db),
    profiles: profileRepository(db),
    ceilings: ceilingRepository(db),
    collections: collectionRepository(db),
    documents: documentRepository(db, terms, vectors),
    chunks: chunkRepository(db),
    terms,
    vectors,
    cachedAnswers: cachedAnswerRepository(db),
    /** The hub's access token, for requests to the hub alone: no route answers with it. */
    hubToken: () => hubToken.read(),
    /** Runs `work` in one transaction: all of its changes or none. */
    transaction: <T>(work: () => T): T => db.transaction(work)(),
    backup: (target: string) => backupDatabase(db, target),
    /**
     * What a start-up does once the profile is this host's alone: answers and runs of a host that died are marked, and
     * conversations that were deleted before go for good.
     */
    recover: () => ({
      interruptedMessages: store.messages.markInterrupted(),
      interruptedRuns: store.runs.markInterrupted(),
      purgedConversations: store.conversations.purgeRemoved(),
    }),
    close: () => void db.close(),
  }
  return store
}
export type Store = ReturnType<typeof openStore>
