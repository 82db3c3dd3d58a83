/** Backup of the whole profile into one file, and the way back. Weights and the hub token are not part of it. */
import { copyFileSync, existsSync, rmSync, statSync } from 'node:fs'
import Sqlite, { type Database } from 'better-sqlite3'
import { MoruError } from '../../shared/errors'
import { databaseError } from './database'
import { renameDurably } from './durable-file'
import { applicationId, appliedMigrations, pendingMigrations } from './migrations'

/**
 * Copies the database, as it is now, into `target` while others go on writing to it.
 * @throws conflict when `target` exists (nothing is overwritten); io.
 */
export async function backupDatabase(db: Database, target: string): Promise<{ path: string; sizeBytes: number }> {
  if (existsSync(target))
    throw new MoruError('conflict', `${target} exists already. Choose another name for the backup.`)
  const aside = `${target}.partial`
  try {
    rmSync(aside, { force: true })
    await db.backup(aside)
    leaveWalMode(aside)
    checkBackup(aside)
    renameDurably(aside, target)
    return { path: target, sizeBytes: statSync(target).size }
  } catch (thrown) {
    rmSync(aside, { force: true })
    throw databaseError(target, thrown)
  }
}

/** One file that can be opened where nothing may be written beside it. */
function leaveWalMode(file: string): void {
  const copy = new Sqlite(file)
  try {
    copy.pragma('journal_mode = DELETE')
  } finally {
    copy.close()
  }
}

/**
 * Whether `file` is a whole profile that this program can open.
 * @throws not_found, invalid_file (no profile of Moru's, or damaged) or unsupported (of a newer Moru).
 */
export function checkBackup(file: string): void {
  if (!existsSync(file)) throw new MoruError('not_found', `${file}: there is no such file.`)
  let db: Database | null = null
  try {
    db = new Sqlite(file, { readonly: true, fileMustExist: true })
    db.pragma('trusted_schema = OFF')
    if (db.pragma('application_id', { simple: true }) !== applicationId || appliedMigrations(db).length === 0)
      throw new MoruError('invalid_file', `${file}: this is an SQLite database, but not a backup of Moru's.`)
    pendingMigrations(db)
    const integrity = db.pragma('integrity_check(1)', { simple: true })
    if (integrity !== 'ok') throw new MoruError('invalid_file', `${file}: the backup is damaged: ${String(integrity)}`)
    if ((db.pragma('foreign_key_check') as unknown[]).length > 0)
      throw new MoruError('invalid_file', `${file}: the backup is damaged: rows refer to others that are not there.`)
  } catch (thrown) {
    throw databaseError(file, thrown)
  } finally {
    db?.close()
  }
}

/**
 * Replaces the closed database `file` by `backup` after checking it. What was there is kept as FILE.before-restore-TIME.
 * A crash at any point leaves the old or the new database in place, each whole. An older backup is brought up to date
 * when it is next opened.
 * @returns where the profile before is kept; null when there was none.
 * @throws what checkBackup throws; io.
 */
export function restoreDatabase(file: string, backup: string, now = new Date()): string | null {
  checkBackup(backup)
  const aside = `${file}.restoring`
  rmSync(aside, { force: true })
  copyFileSync(backup, aside)
  // What was copied is what was checked, also if the backup changed in between.
  checkBackup(aside)
  const kept = existsSync(file) ? keepBeside(file, now) : null
  renameDurably(aside, file)
  return kept
}

function keepBeside(file: string, now: Date): string {
  const kept = `${file}.before-restore-${now.toISOString().replace(/[:.]/g, '-')}`
  try {
    // Leaving WAL mode folds SQLite's -wal into the file and removes it: none may be left for the file that takes its place.
    leaveWalMode(file)
  } catch (thrown) {
    throw databaseError(file, thrown)
  }
  copyFileSync(file, `${kept}.partial`)
  renameDurably(`${kept}.partial`, kept)
  return kept
}
