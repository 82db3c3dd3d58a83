/** Copies of the database from before a change of its schema: a way back, but none for what was deleted for good. */
import { readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Sqlite, { type Database } from 'better-sqlite3'
import { renameDurably } from './durable-file'

/** FILE.before-STEP, STEP being the first schema step that the copy lacks. It has no traces: those come and go for good. */
export function copyBefore(db: Database, step: string): void {
  const copy = `${db.name}.before-${step}`
  rmSync(`${copy}.partial`, { force: true })
  db.prepare('VACUUM INTO ?').run(`${copy}.partial`)
  within(`${copy}.partial`, (inside) => {
    if (!hasTable(inside, 'trace')) return
    inside.exec(`DELETE FROM trace; INSERT INTO trace_search (trace_search) VALUES ('delete-all'); VACUUM`)
  })
  renameDurably(`${copy}.partial`, copy)
}

/** Removes runs from every copy of `db`, for good. */
export function removeRunsFromCopies(db: Database, ids: readonly string[]): void {
  const folder = dirname(db.name)
  const copies = readdirSync(folder).filter((name) => copyName.test(name.slice(basename(db.name).length)))
  for (const name of copies)
    within(join(folder, name), (copy) => {
      if (!hasTable(copy, 'run')) return
      const drop = copy.prepare(`DELETE FROM run WHERE id = ?`)
      for (const id of ids) drop.run(id)
    })
}

/** What a restoration keeps is a backup, which is left as it is. */
const copyName = /^\.before-\d{4}-[\w-]+$/

/** What is deleted by `work` is overwritten. */
function within(file: string, work: (db: Database) => void): void {
  const db = new Sqlite(file, { timeout: 5000, fileMustExist: true })
  try {
    db.pragma('trusted_schema = OFF')
    db.pragma('foreign_keys = ON')
    db.pragma('secure_delete = ON')
    work(db)
  } finally {
    db.close()
  }
}

const hasTable = (db: Database, name: string): boolean =>
  db.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`).get(name) !== undefined
