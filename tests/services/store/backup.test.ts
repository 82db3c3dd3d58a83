import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { checkBackup, openStore, restoreDatabase } from '../../../src/main/store'
import { openDatabase } from '../../../src/main/store/database'
import { migrations } from '../../../src/main/store/migrations'
import { temporaryFolder, temporaryStore } from './temporary-profile'

function profileWith(title: string) {
  const folder = temporaryFolder()
  const store = openStore(folder)
  const { id } = store.conversations.create(title, {})
  store.messages.add({ conversationId: id, parentId: null, role: 'user', text: `${title} 문장` })
  return { folder, store, file: join(folder, 'moru.db') }
}
const titles = (folder: string) =>
  temporaryStore(folder)
    .conversations.list('', 9)
    .map((c) => c.title)

describe('backup and restore', () => {
  it('brings the profile back and keeps the one before beside it', async () => {
    const { folder, store, file } = profileWith('옛날')
    const target = join(folder, '백업.moru')
    const { sizeBytes } = await store.backup(target)
    expect(sizeBytes).toBe(readFileSync(target).length)
    store.conversations.create('새것', {})
    store.close()

    const kept = restoreDatabase(file, target)
    expect(titles(folder)).toEqual(['옛날'])
    expect(existsSync(`${file}.restoring`)).toBe(false)
    const other = temporaryFolder()
    copyFileSync(kept!, join(other, 'moru.db'))
    expect(titles(other).sort()).toEqual(['새것', '옛날'])
  })

  it('takes in what is only in the write-ahead log of a host that died', async () => {
    const { folder, store } = profileWith('a')
    const target = join(folder, 'backup')
    await store.backup(target)
    const crashed = temporaryFolder()
    for (const suffix of ['', '-wal']) copyFileSync(join(folder, `moru.db${suffix}`), join(crashed, `moru.db${suffix}`))
    store.close()
    expect(readFileSync(join(crashed, 'moru.db-wal')).length).toBeGreaterThan(0)
    const kept = restoreDatabase(join(crashed, 'moru.db'), target)
    expect(readdirSync(crashed).filter((f) => f.endsWith('-wal'))).toEqual([])
    const db = new Sqlite(kept!, { readonly: true })
    expect(db.prepare('SELECT title FROM conversation').pluck().all()).toEqual(['a'])
    db.close()
  })

  it('restores into an empty profile and from an older schema', () => {
    const old = join(temporaryFolder(), 'old.db')
    const db = openDatabase(old, migrations.slice(0, 1))
    db.exec(`INSERT INTO conversation (id, title, settings, created_at, updated_at) VALUES ('c', '첫 판', '{}', 1, 1)`)
    db.close()
    const folder = temporaryFolder()
    expect(restoreDatabase(join(folder, 'moru.db'), old)).toBeNull()
    expect(titles(folder)).toEqual(['첫 판'])
  })

  it('overwrites no file', async () => {
    const { folder, store } = profileWith('a')
    writeFileSync(join(folder, 'letter.txt'), 'dear')
    await expect(store.backup(join(folder, 'letter.txt'))).rejects.toThrow(/exists already/)
    await expect(store.backup(join(folder, 'no', 'such', 'folder'))).rejects.toThrow()
    expect(readFileSync(join(folder, 'letter.txt'), 'utf8')).toBe('dear')
    store.close()
  })

  it('refuses what is no whole backup, and leaves the profile as it was', async () => {
    const { folder, store, file } = profileWith('mine')
    const good = join(folder, 'good')
    store.transaction(() => {
      const [{ id }] = store.conversations.list('', 1)
      for (let i = 0; i < 500; i++)
        store.messages.add({ conversationId: id, parentId: null, role: 'user', text: `문장 ${i} `.repeat(50) })
    })
    await store.backup(good)
    store.close()
    const bytes = readFileSync(good)
    const damaged = Buffer.from(bytes)
    damaged.fill(0x5a, bytes.length >> 1, (bytes.length >> 1) + 20_000)
    writeFileSync(join(folder, 'damaged'), damaged)
    writeFileSync(join(folder, 'half'), bytes.subarray(0, bytes.length >> 1))
    writeFileSync(join(folder, 'text'), 'hello')
    new Sqlite(join(folder, 'foreign')).exec('CREATE TABLE a (b)').close()
    openDatabase(join(folder, 'newer'), [
      ...migrations,
      { name: '9999-x', sql: 'CREATE TABLE x (y INTEGER) STRICT' },
    ]).close()
    const reasons = {
      damaged: 'invalid_file',
      half: 'invalid_file',
      text: 'invalid_file',
      foreign: 'invalid_file',
      newer: 'unsupported',
      missing: 'not_found',
    }
    const before = readFileSync(file)
    for (const [name, code] of Object.entries(reasons))
      expect(() => restoreDatabase(file, join(folder, name)), name).toThrow(expect.objectContaining({ code }))
    expect(readFileSync(file).equals(before)).toBe(true)
    expect(() => checkBackup(good)).not.toThrow()
  })
})
