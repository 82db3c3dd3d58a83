/** Opens the profile's one SQLite file: settings of the connection, schema up to date, a copy before it changes. */
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import Sqlite, { type Database } from 'better-sqlite3'
import { MoruError, toMoruError } from '../../shared/errors'
import { appliedMigrations, migrate, type Migration, migrations, pendingMigrations } from './migrations'
import { copyBefore } from './schema-copies'

export type { Database } from 'better-sqlite3'

/**
 * The database in `file`, made when missing, migrated when old. An existing file is copied to
 * FILE.before-STEP first, STEP being the first schema step it lacks.
 * @throws unsupported for a profile of a newer Moru, invalid_file for a damaged or foreign file, busy when locked, io.
 */
export function openDatabase(file: string, list: readonly Migration[] = migrations): Database {
  let db: Database | null = null
  try {
    createPrivateFile(file)
    db = new Sqlite(file, { timeout: 5000 })
    configure(db)
    const pending = pendingMigrations(db, list)
    if (pending.length > 0) {
      if (appliedMigrations(db).length > 0) copyBefore(db, pending[0].name)
      migrate(db, pending)
    }
    return db
  } catch (thrown) {
    db?.close()
    throw databaseError(file, thrown)
  }
}

/**
 * A second connection to an open database, for what is written often and deleted for good: a power cut may take the last
 * writes of it (a crash of the process does not), and deleted bytes are overwritten.
 */
export function openTraceConnection(file: string): Database {
  const db = new Sqlite(file, { timeout: 5000, fileMustExist: true })
  configure(db)
  db.pragma('synchronous = NORMAL')
  db.pragma('secure_delete = ON')
  return db
}

/** What people wrote is theirs alone: the file (and with it SQLite's -wal and -shm) is readable by its owner only. */
function createPrivateFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true })
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600))
}

function configure(db: Database): void {
  db.pragma('journal_mode = WAL')
  // FULL: what was acknowledged survives a power cut, not only a crash of the process.
  db.pragma('synchronous = FULL')
  db.pragma('foreign_keys = ON')
  // A file may come from a backup: its schema must not call anything with side effects.
  db.pragma('trusted_schema = OFF')
}

/** An error of SQLite's as one for people. */
export function databaseError(file: string, thrown: unknown): MoruError {
  const error = toMoruError(thrown)
  if (!(thrown instanceof Sqlite.SqliteError)) return error
  if (thrown.code.startsWith('SQLITE_BUSY') || thrown.code.startsWith('SQLITE_LOCKED'))
    return new MoruError('busy', `${file}: another program holds the database.`, { cause: thrown })
  if (thrown.code === 'SQLITE_NOTADB' || thrown.code.startsWith('SQLITE_CORRUPT'))
    return new MoruError('invalid_file', `${file}: not an SQLite database, or a damaged one (${thrown.message}).`, {
      cause: thrown,
    })
  if (/^SQLITE_(IOERR|CANTOPEN|FULL|READONLY|PERM)/.test(thrown.code))
    return new MoruError('io', `${file}: ${thrown.message} (${thrown.code}).`, { cause: thrown })
  return error
}
