import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { openDatabase } from '../../../src/main/store/database'
import { gramsOf } from '../../../src/main/store/trace-search'
import { migrations } from '../../../src/main/store/migrations'
import { temporaryFolder, temporaryStore } from '../store/temporary-profile'
import { ended, tracing } from './fixture'

const never = new AbortController().signal

describe('finding traces', () => {
  const texts: [string, string][] = [
    ['서울의 날씨를 알려 줘', '맑고 따뜻합니다'],
    ['What is the capital of France?', 'Paris, the "city of light".'],
    ['École normale', 'C:\\temp\\새 폴더'],
    ['AI와 해', '돌'],
  ]
  const found = (text: string) => {
    const { traces } = temporaryStore()
    traces.write(texts.map(([input, output]) => ended({}, { in: input, out: output })))
    const list = traces.list({ text }, null, 100).map(({ preview }) => texts.findIndex(([input]) => input === preview))
    expect(traces.count({ text })).toEqual({ value: list.length, more: false })
    return list
  }
  it.each([
    ['날씨', [0]],
    ['서울', [0]],
    ['따뜻합', [0]],
    ['날씨 따뜻', [0]],
    ['날씨 Paris', []],
    ['해', [3]],
    ['돌', [3]],
    ['ai', [3]],
    ['CAPITAL france', [1]],
    ['apita', [1]],
    ['capitals', []],
    ['école', [2]],
    ['"city', [1]],
    ['temp\\새', [2]],
    ['?', [1]],
    ['없는말', []],
  ])('%s', (query, expected) => {
    expect(found(query)).toEqual(expected)
  })

  it('says the same of Hangul in letters of its own', () => {
    const { traces } = temporaryStore()
    traces.write([ended({}, { in: '한글'.normalize('NFD') })])
    expect(traces.list({ text: '한글' }, null, 1)).toHaveLength(1)
    expect(traces.list({ text: '한글 한글'.normalize('NFD') }, null, 1)).toHaveLength(1)
  })
})

describe('lists', () => {
  it('filter by every column and page without gaps', () => {
    const { traces } = temporaryStore()
    const seen = traces.write([
      ended({ kind: 'ask', cache: 'exact', durationMs: 5 }, { in: '가' }),
      ended({ state: 'error', error: '메모리가 부족합니다', durationMs: 5000 }),
      ended({ kind: 'search', model: 'mini', conversationId: 'c' }),
      ended({ kind: 'ask', cache: 'miss', startedAt: 5 }),
    ])
    const seqs = (filter: Parameters<typeof traces.list>[0]) => traces.list(filter, null, 10).map(({ seq }) => seq)
    expect(seqs({})).toEqual([4, 3, 2, 1])
    expect(seqs({ kinds: ['ask', 'search'] })).toEqual([4, 3, 1])
    expect(seqs({ models: ['mini'] })).toEqual([3])
    expect(seqs({ states: ['error'] })).toEqual([2])
    expect(seqs({ cacheHit: true })).toEqual([1])
    expect(seqs({ minDurationMs: 1000 })).toEqual([2])
    expect(seqs({ startedBefore: 6 })).toEqual([4])
    expect(seqs({ startedAfter: 6, kinds: ['ask'] })).toEqual([1])
    expect(seqs({ conversationId: 'c' })).toEqual([3])
    expect(seqs({ text: '부족', states: ['error'] })).toEqual([2])
    traces.rate(seen[0].id, 1, '좋음')
    expect(seqs({ rated: true })).toEqual([1])
    expect(seqs({ rated: false })).toEqual([4, 3, 2])
    expect(traces.list({}, 4, 2).map(({ seq }) => seq)).toEqual([3, 2])
    expect(traces.count({ kinds: ['ask'] })).toEqual({ value: 2, more: false })
    expect(traces.models()).toEqual(['mini', 'smol'])
  })

  it('are counted to the last where no text is looked for, and up to a limit where one is', () => {
    const { traces } = temporaryStore()
    traces.write(Array.from({ length: 1010 }, (_, i) => ended({}, { in: i < 3 ? `드문말 ${i}` : `흔한말 ${i}` })))
    expect(traces.count({})).toEqual({ value: 1010, more: false })
    expect(traces.count({ text: '드문말' })).toEqual({ value: 3, more: false })
    expect(traces.count({ text: '흔한말' }).more).toBe(true)
  })
})

describe('deleting', () => {
  /** Whether any file of the profile holds these bytes. */
  const inFiles = (folder: string, text: string) =>
    readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes(text))

  it.each([1, 60])('leaves no byte of %i traces', async (count) => {
    const { folder, store, service } = tracing()
    const kept = ended({}, { in: '남는 이야기 keepme' })
    const gone = Array.from({ length: count }, (_, i) =>
      ended({ preview: `뷁똠햏 zqxjkv ${i}` }, { in: `뷁똠햏 zqxjkv ${i} `.repeat(300), out: 'answer zqxjkv' }),
    )
    store.traces.write([kept, ...gone])
    expect(inFiles(folder, 'zqxjkv') && inFiles(folder, '뷁똠햏')).toBe(true)
    expect(await service.remove({ ids: gone.map(({ trace }) => trace.id) }, never)).toBe(count)
    for (const part of ['zqxjkv', '뷁똠햏', '똠햏', 'zqx', 'qxj']) expect(inFiles(folder, part), part).toBe(false)
    expect(store.traces.list({}, null, 10).map(({ id }) => id)).toEqual([kept.trace.id])
    expect(store.traces.list({ text: '이야기 keepme' }, null, 10)).toHaveLength(1)
    const db = new Sqlite(join(folder, 'moru.db'))
    db.exec(`INSERT INTO trace_search (trace_search) VALUES ('integrity-check')`)
    expect(db.prepare('SELECT count(*) FROM span').pluck().get()).toBe(1)
    db.close()
  })

  it('leaves nothing in copies from before a change of the schema either', async () => {
    const folder = temporaryFolder()
    const run = `INSERT INTO run (id, kind, title, state, unit, parameters, started_at, ended_at) VALUES`
    const old = openDatabase(join(folder, 'moru.db'), migrations.slice(0, 14))
    old.exec(`INSERT INTO trace (id, kind, started_at, state, preview) VALUES ('${'0'.repeat(32)}', 'chat', 1, 'running', 'zqxjkv');
      INSERT INTO trace_content SELECT seq, '[{"role":"user","content":"zqxjkv"}]', NULL FROM trace;
      INSERT INTO trace_search (rowid, grams) SELECT seq, '${gramsOf('zqxjkv')}' FROM trace;
      ${run} ('gone', 'bench', '뷁똠햏', 'done', 'steps', '{"long":"${'뷁똠햏'.repeat(3000)}"}', 1, 2), ('kept', 'bench', 'keepme', 'done', 'steps', '{}', 2, 3)`)
    old.close()
    const { store, service } = tracing(folder)
    service.recover()
    await service.remove({ filter: {} }, never)
    expect(store.runs.remove(['gone'])).toBe(1)
    const [copy] = readdirSync(folder).filter((name) => name.includes('.before-0015'))
    for (const part of ['zqxjkv', '뷁똠햏']) expect(inFiles(folder, part), part).toBe(false)
    const db = new Sqlite(join(folder, copy), { readonly: true })
    expect(db.prepare('SELECT title FROM run').pluck().all()).toEqual(['keepme'])
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    db.close()
  })

  it('removes what is too old and what is too much, but nothing that was rated', async () => {
    const { store, service } = tracing()
    const now = Date.now()
    const old = { startedAt: now - 40 * 86_400_000 }
    const large = 'x'.repeat(100_000)
    const [rated] = store.traces.write([
      ended(old, { in: large }),
      ended(old, { in: 'old' }),
      ...Array.from({ length: 30 }, (_, i) => ended({ startedAt: now + i }, { in: `${i} ${large}` })),
    ])
    store.traces.rate(rated.id, -1, null)
    store.settings.update({ tracing: { maxBytes: 2_000_000 } })
    expect(await service.sweep(never)).toBe(13)
    const left = store.traces.list({}, null, 100)
    expect(left).toHaveLength(19)
    expect(left.at(-1)!.id).toBe(rated.id)
    expect(left[0].startedAt).toBe(now + 29)
    expect(service.status().sizeBytes).toBeLessThan(2_000_000)
  })

  it('goes on after a host that died', () => {
    const folder = temporaryFolder()
    const { store } = tracing(folder)
    const running = ended({ state: 'running', durationMs: null }, { in: '하던 일' })
    store.traces.write([{ ...running, spans: [], content: { input: running.content!.input, output: null } }])
    const after = tracing(folder)
    expect(after.service.recover()).toBe(1)
    const trace = after.store.traces.get(running.trace.id)
    expect(trace).toMatchObject({ state: 'interrupted', input: [{ content: '하던 일' }] })
    expect(trace.spans).toMatchObject([{ parentId: null, state: 'interrupted' }])
    expect(after.store.traces.list({ text: '하던' }, null, 1)).toHaveLength(1)
  })
})
