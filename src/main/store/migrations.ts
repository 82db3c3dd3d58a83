/** The schema's history: append-only. A new step is a new .sql file and a new line at the end of this table. */
import { createHash } from 'node:crypto'
import { type Database } from 'better-sqlite3'
import { MoruError } from '../../shared/errors'
import conversations from './migrations/0001-conversations.sql?raw'
import models from './migrations/0002-models.sql?raw'
import settingsAndPresets from './migrations/0003-settings-and-presets.sql?raw'
import runs from './migrations/0004-runs.sql?raw'
import messageSearch from './migrations/0005-message-search.sql?raw'
import collections from './migrations/0006-collections.sql?raw'
import searchIndex from './migrations/0007-search-index.sql?raw'
import answerCache from './migrations/0008-answer-cache.sql?raw'
import modelSource from './migrations/0009-model-source.sql?raw'
import modelKinds from './migrations/0010-model-kinds.sql?raw'
import documentWarning from './migrations/0011-document-warning.sql?raw'
import profiles from './migrations/0012-profiles.sql?raw'
import messageSources from './migrations/0013-message-sources.sql?raw'
import traces from './migrations/0014-traces.sql?raw'
import runEnvironment from './migrations/0015-run-environment.sql?raw'

export interface Migration {
  name: string
  sql: string
}

export const migrations: readonly Migration[] = [
  { name: '0001-conversations', sql: conversations },
  { name: '0002-models', sql: models },
  { name: '0003-settings-and-presets', sql: settingsAndPresets },
  { name: '0004-runs', sql: runs },
  { name: '0005-message-search', sql: messageSearch },
  { name: '0006-collections', sql: collections },
  { name: '0007-search-index', sql: searchIndex },
  { name: '0008-answer-cache', sql: answerCache },
  { name: '0009-model-source', sql: modelSource },
  { name: '0010-model-kinds', sql: modelKinds },
  { name: '0011-document-warning', sql: documentWarning },
  { name: '0012-profiles', sql: profiles },
  { name: '0013-message-sources', sql: messageSources },
  { name: '0014-traces', sql: traces },
  { name: '0015-run-environment', sql: runEnvironment },
]

/** 'MORU' in ASCII, in the file's header: tells a profile of ours from any other SQLite file. */
export const applicationId = 0x4d4f5255

/** SHA-256 of a migration's text; line ends are made equal, so that a checkout on Windows gives the same. */
export const checksumOf = (sql: string) => createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex')

/** Names and checksums of the migrations that a database has had, in order; [] for a blank one. */
export function appliedMigrations(db: Database): { name: string; checksum: string }[] {
  const known = db.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migration'`).get()
  if (!known) return []
  return db.prepare(`SELECT name, checksum FROM migration ORDER BY position`).all() as {
    name: string
    checksum: string
  }[]
}

/**
 * The migrations that a database still needs, in order.
 * @throws invalid_file when the file is no profile of Moru's or its history is another; unsupported when it was
 *   written by a newer Moru.
 */
export function pendingMigrations(db: Database, list: readonly Migration[] = migrations): readonly Migration[] {
  const applied = appliedMigrations(db)
  if (applied.length === 0) {
    const tables = db.prepare(`SELECT count(*) FROM sqlite_schema WHERE type = 'table'`).pluck().get() as number
    if (tables > 0)
      throw new MoruError('invalid_file', `${db.name}: this is an SQLite database, but not a profile of Moru's.`)
    return list
  }
  applied.forEach(({ name, checksum }, i) => {
    const own = list[i]
    if (!own)
      throw new MoruError(
        'unsupported',
        `${db.name}: this profile was written by a newer Moru (its schema has "${name}", this one ends at ` +
          `"${list.at(-1)?.name}"). Use that version, or start with another profile folder (--profile).`,
        { details: { migration: name } },
      )
    if (own.name !== name || checksumOf(own.sql) !== checksum)
      throw new MoruError(
        'invalid_file',
        `${db.name}: schema step ${i + 1} is "${name}" with another content than this program's "${own.name}". ` +
          'The profile was written by a different build of Moru.',
        { details: { migration: name } },
      )
  })
  return list.slice(applied.length)
}

/** Applies `pending` in one transaction: all of it or nothing. */
export function migrate(db: Database, pending: readonly Migration[]): void {
  db.transaction(() => {
    db.pragma(`application_id = ${applicationId}`)
    db.exec(`CREATE TABLE IF NOT EXISTS migration (
      position INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL
    ) STRICT`)
    const record = db.prepare(`INSERT INTO migration (name, checksum, applied_at) VALUES (?, ?, ?)`)
    for (const { name, sql } of pending) {
      try {
        db.exec(sql)
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause)
        throw new MoruError('internal', `${db.name}: schema step "${name}" failed: ${why}. Nothing was changed.`, {
          cause,
        })
      }
      record.run(name, checksumOf(sql), Date.now())
    }
  }).immediate()
}
