/** Killed at moments of no choice, the indexing command loses nothing and does nothing twice. */
import Sqlite from 'better-sqlite3'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { profileFiles } from '../../../../src/main/store'
import { built, moru, moruJson } from '../../cli/moru'
import { temporaryFolder, writeFiles } from './knowledge-fixture'

beforeAll(built)

it('goes on after kill -9', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder()
  const profile = temporaryFolder()
  for (let i = 0; i < 30; i++)
    writeFiles(folder, {
      [`보고서-${i}.md`]: `# 보고서 ${i}\n\n청어 ${i * 7}통이 들어왔다.\n\n## Summary ${i}\n\n${`Barrel ${i} of herring was salted. `.repeat(40)}\n`,
    })
  const args = ['index', folder, '--collection', 'reports', '--profile', profile]
  // Around the start, amid the work, and later: the times grow so that the work gets somewhere.
  for (const ms of [400, 1400, 2000]) {
    const { code } = await moru(args, { onStart: (child) => void setTimeout(() => child.kill('SIGKILL'), ms) })
    expect([null, 0]).toContain(code)
  }
  const report = await moruJson<{ documents: number; chunks: number; skipped: unknown[] }>(args)
  expect(report).toMatchObject({ documents: 30, skipped: [] })
  const db = new Sqlite(join(profile, profileFiles.database), { readonly: true })
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    const count = (sql: string) => db.prepare(sql).pluck().get()
    expect(count(`SELECT count(*) FROM chunk`)).toBe(report.chunks)
    expect(count(`SELECT count(*) FROM vector`)).toBe(report.chunks)
    expect(count(`SELECT count(*) FROM chunk_terms`)).toBe(report.chunks)
    expect(count(`SELECT count(DISTINCT path) FROM document`)).toBe(30)
  } finally {
    db.close()
  }
  const again = await moruJson<{ documents: number; chunks: number }>(args)
  expect(again).toMatchObject({ documents: 30, chunks: report.chunks })
})
