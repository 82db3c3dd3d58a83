/** Killed at ten random moments, the indexing command loses nothing and does nothing twice. */
import Sqlite from 'better-sqlite3'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { profileFiles } from '../../../../src/main/store'
import { built, moru, moruJson } from '../../cli/moru'
import { temporaryFolder, writeFiles } from './knowledge-fixture'

beforeAll(built)

const kills = 10

/** From amid its start until amid its work: later from time to time, so that slow machines get somewhere too. */
const moment = (kill: number) => 200 + Math.random() * (800 + 200 * kill)

it('goes on after kill -9', { timeout: 180_000 }, async () => {
  const folder = temporaryFolder()
  const profile = temporaryFolder()
  const count = 24
  for (let i = 0; i < count; i++)
    writeFiles(folder, {
      [`보고서-${i}.md`]: `# 보고서 ${i}\n\n청어 ${i * 7}통이 들어왔다.\n\n## Summary ${i}\n\n${`Barrel ${i} of herring was salted. `.repeat(40)}\n`,
    })
  const args = ['index', folder, '--collection', 'reports', '--profile', profile]
  const stored = new Map<string, number>()
  const moments: number[] = []
  for (let i = 0; i < kills; i++) {
    const ms = moment(i)
    moments.push(ms)
    const { code } = await moru(args, { onStart: (child) => void setTimeout(() => child.kill('SIGKILL'), ms) })
    expect([null, 0]).toContain(code)
    for (const [path, seq] of documentsIn(profile)) {
      // What was whole once is there still, and was not made again.
      expect(seq, `${path} after kills at ${moments.join(', ')} ms`).toBe(stored.get(path) ?? seq)
      stored.set(path, seq)
    }
    expect(documentsIn(profile).size).toBe(stored.size)
  }
  const report = await moruJson<{ documents: number; chunks: number; skipped: unknown[] }>(args)
  expect(report).toMatchObject({ documents: count, skipped: [] })
  const documents = documentsIn(profile)
  expect(documents.size).toBe(count)
  for (const [path, seq] of stored) expect(documents.get(path)).toBe(seq)
  const db = new Sqlite(join(profile, profileFiles.database), { readonly: true })
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    for (const table of ['chunk', 'vector', 'chunk_terms'])
      expect(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get(), table).toBe(report.chunks)
  } finally {
    db.close()
  }
  const again = await moruJson<{ documents: number; chunks: number }>(args)
  expect(again).toMatchObject({ documents: count, chunks: report.chunks })
})

/** document.seq by path: a document that is read anew gets another one. */
function documentsIn(profile: string): Map<string, number> {
  const file = join(profile, profileFiles.database)
  if (!existsSync(file)) return new Map()
  const db = new Sqlite(file, { readonly: true })
  try {
    const table = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'document'").get()
    const rows = table ? (db.prepare('SELECT path, seq FROM document').all() as { path: string; seq: number }[]) : []
    return new Map(rows.map(({ path, seq }) => [path, seq]))
  } finally {
    db.close()
  }
}
