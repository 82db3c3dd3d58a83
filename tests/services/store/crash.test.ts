import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Sqlite from 'better-sqlite3'
import { build } from 'vite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { temporaryFolder, temporaryStore } from './temporary-profile'

// Beside the dependencies, so that the program finds them.
const outDir = resolve(`node_modules/.cache/moru-crash-test-${process.pid}`)

beforeAll(async () => {
  await build({
    configFile: false,
    logLevel: 'error',
    build: { ssr: 'tests/services/store/growing-answer.ts', outDir, target: 'node24', copyPublicDir: false },
  })
})
afterAll(() => rmSync(outDir, { recursive: true, force: true }))

/** Starts the writer, kills it `afterMs` after its first line. @returns the last state it said was stored. */
function writeAndKill(folder: string, afterMs: number): Promise<{ id: string; stored: number }> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [join(outDir, 'growing-answer.js'), folder])
    let out = ''
    let errors = ''
    child.stderr.on('data', (data) => (errors += data))
    child.stdout.on('data', (data) => {
      if (out === '') setTimeout(() => child.kill('SIGKILL'), afterMs)
      out += data
    })
    child.on('close', (_code, signal) => {
      const last = out.slice(0, out.lastIndexOf('\n')).split('\n').at(-1)?.split(' ')
      if (signal !== 'SIGKILL' || !last) fail(new Error(`the writer ended by itself: ${errors}`))
      else done({ id: last[0], stored: Number(last[1]) })
    })
  })
}

it('loses nothing that was stored when the host is killed while an answer grows', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder()
  for (let round = 1; round <= 20; round++) {
    const { id, stored } = await writeAndKill(folder, Math.random() * 60)
    const store = temporaryStore(folder)
    expect(store.recover()).toMatchObject({ interruptedMessages: 1 })
    const answer = store.messages.get(id)
    expect(answer.status).toBe('interrupted')
    const sentences = answer.text.match(/\d+번째 문장입니다\. /g) ?? []
    expect(sentences.length).toBeGreaterThanOrEqual(stored)
    expect(sentences.join('')).toBe(answer.text)
    expect(store.conversations.list('', 100)).toHaveLength(round)
    expect(store.messages.list(answer.conversationId)).toMatchObject([
      { text: '길게 써 줘', status: 'complete' },
      { id },
    ])
    store.close()
    const db = new Sqlite(join(folder, 'moru.db'))
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    expect(db.pragma('foreign_key_check')).toEqual([])
    db.exec(`INSERT INTO message_search (message_search, rank) VALUES ('integrity-check', 1)`)
    db.close()
  }
})
