import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { openStore, type Store } from '../../../src/main/store'
import { openDatabase } from '../../../src/main/store/database'
import { migrations } from '../../../src/main/store/migrations'
import { temporaryFolder, temporaryStore } from './temporary-profile'

/** The schema as SQLite holds it: what two databases must share to be the same for the program. */
function schemaOf(file: string): unknown[] {
  const db = new Sqlite(file, { readonly: true })
  const rows = db.prepare(`SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name`).all()
  db.close()
  return rows
}

/** Rows for every table that a schema of the first `steps` steps has. */
function fill(file: string, steps: number): void {
  const db = openDatabase(file, migrations.slice(0, steps))
  db.exec(`INSERT INTO conversation (id, title, settings, created_at, updated_at) VALUES ('c', '모루', '{}', 1, 1);
    INSERT INTO message (id, conversation_id, role, text, status, created_at) VALUES ('m', 'c', 'user', '서울의 날씨', 'complete', 1);
    INSERT INTO message (id, conversation_id, parent_id, role, text, status, created_at)
      VALUES ('n', 'c', 'm', 'assistant', '맑음', 'streaming', 2)`)
  if (steps >= 2)
    db.exec(
      `INSERT INTO model VALUES ('x', 'X', 'imported', '/x.gguf', 'gguf', '{"architecture":"bert","chat":false}', 1)`,
    )
  if (steps >= 3) db.exec(`INSERT INTO setting VALUES ('theme', '"dark"')`)
  if (steps >= 4)
    db.exec(`INSERT INTO run (id, kind, title, state, unit, parameters, started_at)
      VALUES ('r', 'import', 'R', 'running', 'bytes', '{}', 1)`)
  if (steps >= 6)
    db.exec(`INSERT INTO embedding_model (seq, key, type, dim) VALUES (1, 'mini', 'f32', 2);
      INSERT INTO collection (seq, id, name, settings, model_seq, analyser, created_at, updated_at)
        VALUES (1, 'k', '규정집', '{}', 1, 'words', 1, 1);
      INSERT INTO document (seq, id, collection_seq, path, title, type, language, size_bytes, changed_at, state)
        VALUES (1, 'd', 1, '/규정.md', '규정', 'markdown', 'ko', 9, 1.5, 'indexed');
      INSERT INTO document_text VALUES (1, '휴가는 15일');
      INSERT INTO chunk (seq, collection_seq, document_seq, position, start_offset, end_offset, headings, tokens, language, text)
        VALUES (1, 1, 1, 0, 0, 7, '["휴가"]', 4, 'ko', '휴가는 15일')`)
  if (steps >= 7)
    db.exec(`INSERT INTO term VALUES (1, 1, '휴가');
      INSERT INTO chunk_terms VALUES (1, 1, 1, 'words', 1, x'0101');
      INSERT INTO vector VALUES (1, 1, 1, 1, 1, x'0000803f00000000');
      INSERT INTO vector_graph VALUES (1, 1, 'g', 1, 1);
      INSERT INTO separation VALUES (1, 1, 'ko', 1, 0.5, 0.25, NULL)`)
  if (steps >= 14)
    db.exec(`INSERT INTO trace (seq, id, kind, started_at, state) VALUES (1, '${'0'.repeat(32)}', 'chat', 1.5, 'running');
      INSERT INTO trace_content VALUES (1, '[{"role":"user","content":"휴가"}]', NULL);
      INSERT INTO span (trace_seq, id, name, started_at, duration_ms, state, attributes)
        VALUES (1, '${'0'.repeat(16)}', 'load', 2, 3.5, 'ok', '{}')`)
  db.close()
}

function expectCollection(store: Store, steps: number): void {
  const found = store.collections.findByName('규정집')
  expect(found !== null).toBe(steps >= 6)
  if (!found) return
  expect(found).toMatchObject({ documents: 1, chunks: 1, dim: 2, pendingChunks: steps >= 7 ? 0 : 1 })
  expect(found.vectorIndex).toEqual(steps >= 7 ? { kind: 'hnsw', recallAt10: 1 } : { kind: 'exact', recallAt10: null })
  expect(found.separation).toHaveLength(steps >= 7 ? 1 : 0)
  expect(store.documents.content('d')).toMatchObject({ text: '휴가는 15일', chunks: [{ id: '1' }] })
  expect(store.terms.find(1, '휴가')).toBe(steps >= 7 ? 1 : null)
}

describe('schema history', () => {
  it('names its steps after their files, in order', () => {
    const files = readdirSync('src/main/store/migrations').sort()
    expect(migrations.map((m) => `${m.name}.sql`)).toEqual(files)
    for (const m of migrations) expect(readFileSync(`src/main/store/migrations/${m.name}.sql`, 'utf8')).toBe(m.sql)
  })

  it.each(migrations.map((m, i) => [m.name, i + 1]))(
    'opens a profile that ends at %s with all that is in it',
    (_, steps) => {
      const folder = temporaryFolder()
      const blank = temporaryFolder()
      openStore(blank).close()
      fill(join(folder, 'moru.db'), steps)

      const store = temporaryStore(folder)
      expect(store.conversations.list('', 10)).toMatchObject([{ id: 'c', title: '모루' }])
      expect(store.messages.list('c').map((m) => m.text)).toEqual(['서울의 날씨', '맑음'])
      expect(store.conversations.list('서울의', 10)).toHaveLength(1)
      expect(store.models.list().map(({ metadata }) => metadata)).toMatchObject(
        steps >= 2 && steps < 10 ? [{ encoder: true, thinking: false }] : steps >= 2 ? [{ chat: false }] : [],
      )
      expect(store.settings.get().theme).toBe(steps >= 3 ? 'dark' : 'system')
      expect(store.runs.list(10)).toHaveLength(steps >= 4 ? 1 : 0)
      expectCollection(store, steps)
      expect(schemaOf(join(folder, 'moru.db'))).toEqual(schemaOf(join(blank, 'moru.db')))
      const db = new Sqlite(join(folder, 'moru.db'), { readonly: true })
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
      expect(db.pragma('foreign_key_check')).toEqual([])
      db.close()

      const next = migrations[steps]
      const copies = readdirSync(folder).filter((f) => f.includes('.before-'))
      expect(copies).toEqual(next ? [`moru.db.before-${next.name}`] : [])
      if (next) expect(migrationsIn(join(folder, copies[0]))).toBe(steps)
    },
  )

  it('changes nothing when a step fails', () => {
    const folder = temporaryFolder()
    const file = join(folder, 'moru.db')
    fill(file, 2)
    const before = schemaOf(file)
    const broken = [...migrations.slice(0, 2), { name: '0003-a', sql: 'CREATE TABLE a (b) STRICT;' }]
    expect(() => openDatabase(file, broken)).toThrow(/schema step "0003-a" failed.*Nothing was changed/)
    expect(schemaOf(file)).toEqual(before)
  })

  it('refuses the profile of a newer Moru and leaves it as it is', () => {
    const folder = temporaryFolder()
    const file = join(folder, 'moru.db')
    openDatabase(file, [...migrations, { name: '9999-later', sql: 'CREATE TABLE later (a INTEGER) STRICT' }]).close()
    const before = schemaOf(file)
    expect(() => openStore(folder)).toThrow(expect.objectContaining({ code: 'unsupported' }))
    expect(() => openStore(folder)).toThrow(/written by a newer Moru.*"9999-later"/)
    expect(schemaOf(file)).toEqual(before)
  })

  it('refuses a profile whose history differs from its own', () => {
    const folder = temporaryFolder()
    openDatabase(join(folder, 'moru.db'), [{ name: migrations[0].name, sql: `${migrations[0].sql} -- edited` }]).close()
    expect(() => openStore(folder)).toThrow(/different build of Moru/)
  })

  it('refuses files that are no profile', () => {
    const foreign = temporaryFolder()
    const db = new Sqlite(join(foreign, 'moru.db'))
    db.exec('CREATE TABLE other (a)')
    db.close()
    expect(() => openStore(foreign)).toThrow(/not a profile of Moru's/)
    const text = temporaryFolder()
    writeFileSync(join(text, 'moru.db'), 'this is no database at all. '.repeat(100))
    expect(() => openStore(text)).toThrow(expect.objectContaining({ code: 'invalid_file' }))
  })

  it('sets up the connection for durability and keeps the file private', () => {
    const folder = temporaryFolder()
    const file = join(folder, 'deep', 'moru.db')
    const db = openDatabase(file)
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(db.pragma('synchronous', { simple: true })).toBe(2)
    expect(db.pragma('foreign_keys', { simple: true })).toBe(1)
    expect(db.pragma('busy_timeout', { simple: true })).toBe(5000)
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600)
    db.close()
    expect(existsSync(`${file}-wal`)).toBe(false)
  })
})

function migrationsIn(file: string): number {
  const db = new Sqlite(file, { readonly: true })
  const count = db.prepare('SELECT count(*) FROM migration').pluck().get() as number
  db.close()
  return count
}
