/** The profile's store: one database, a repository per table group. */
import { join } from 'node:path'
import { backupDatabase } from './backup'
import { cachedAnswerRepository } from './cached-answers'
import { chunkRepository } from './chunks'
import { collectionRepository } from './collections'
import { conversationRepository } from './conversations'
import { type Database, openDatabase, openTraceConnection } from './database'
import { documentRepository } from './documents'
import { messageRepository } from './messages'
import { modelRepository } from './models'
import { presetRepository } from './presets'
import { ceilingRepository, profileRepository } from './profiles'
import { type Redaction, redactionOf } from './redaction'
import { runRepository } from './runs'
import { secretFile } from './secret-file'
import { settingsRepository } from './settings'
import { termRepository } from './terms'
import { traceRepository } from './traces'
import { vectorRepository } from './vectors'

/** Names of the profile's files and folders within its folder. */
export const profileFiles = {
  database: 'moru.db',
  hubToken: 'hub-token',
  otlpHeaders: 'otlp-headers',
  vectorGraphs: 'vector-graphs',
}

/** Opens (or makes) the profile in `folder`. @throws what openDatabase throws. */
export function openStore(folder: string) {
  const db: Database = openDatabase(join(folder, profileFiles.database))
  const traceDb = openTraceConnection(db.name)
  const hubToken = secretFile(join(folder, profileFiles.hubToken), () => redaction.refresh())
  const otlpHeaders = secretFile(join(folder, profileFiles.otlpHeaders), () => redaction.refresh())
  const readHeaders = () => JSON.parse(otlpHeaders.read() ?? '{}') as Record<string, string>
  const redaction: Redaction = redactionOf(() => ({
    patterns: settings.get().tracing.redactPatterns,
    secrets: [hubToken.read() ?? '', ...Object.values(readHeaders())],
  }))
  const settings = settingsRepository(db, hubToken, () => redaction.refresh())
  const terms = termRepository(db)
  const vectors = vectorRepository(db)
  const store = {
    conversations: conversationRepository(db),
    messages: messageRepository(db),
    models: modelRepository(db),
    settings,
    presets: presetRepository(db),
    runs: runRepository(db, redaction),
    profiles: profileRepository(db),
    ceilings: ceilingRepository(db),
    traces: traceRepository(traceDb),
    collections: collectionRepository(db),
    documents: documentRepository(db, terms, vectors),
    chunks: chunkRepository(db),
    terms,
    vectors,
    cachedAnswers: cachedAnswerRepository(db),
    /** The hub's access token, for requests to the hub alone: no route answers with it. */
    hubToken: () => hubToken.read(),
    /** What requests to the person's collector carry: no route answers with it. */
    otlpHeaders: readHeaders,
    setOtlpHeaders: (headers: Record<string, string> | null): void =>
      otlpHeaders.write(headers && JSON.stringify(headers)),
    /** Takes secrets out of what is written about calls and jobs. */
    redaction,
    /** Runs `work` in one transaction: all of its changes or none. */
    transaction: <T>(work: () => T): T => db.transaction(work)(),
    /** Bytes of the database's pages. */
    databaseBytes: () =>
      Number(db.pragma('page_count', { simple: true })) * Number(db.pragma('page_size', { simple: true })),
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
    close: () => {
      traceDb.close()
      db.close()
    },
  }
  return store
}
export type Store = ReturnType<typeof openStore>
