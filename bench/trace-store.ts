/**
 * How fast many traces are listed, filtered and searched: Korean and English texts with words as rare and frequent as in texts.
 *
 * The first try of each has a connection of its own, whose cache is empty, as after a start.
 *
 *   node bench/run.mjs trace-store [--count 100000] [--folder FOLDER]
 *
 * FOLDER keeps the traces for the next time.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type TraceFilter } from '../src/shared/contract/traces'
import { openStore, profileFiles, type TraceWrite } from '../src/main/store'
import { seededRandom } from '../src/shared/seeded-random'

const { values: options } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, folder: { type: 'string' } },
})
const count = Number(options.count)
const random = seededRandom(1)
const below = (n: number) => Math.floor(random() * n)
const word = (letters: () => string, least: number, spread: number) =>
  Array.from({ length: least + below(spread) }, letters).join('')
const latin = () => 'etaoinshrdlucmfwypvbgkjqxz'[Math.floor(26 * random() ** 1.6)]
const english = Array.from({ length: 20_000 }, () => word(latin, 2, 8))
const korean = Array.from({ length: 20_000 }, () => word(() => String.fromCharCode(0xac00 + below(2350) * 4), 2, 3))
/** Rank to the power of -1, roughly. */
const pick = (words: string[]) => words[Math.floor(words.length ** random()) - 1] ?? words[0]
const sentence = (words: string[], length: number) => Array.from({ length }, () => pick(words)).join(' ')

const kinds = ['chat', 'generate', 'embed', 'search', 'ask'] as const
const started = Date.UTC(2026, 10, 1)
function trace(i: number): TraceWrite {
  const words = i % 2 ? korean : english
  const rare = i === Math.floor(count / 3) ? ' 뷁똠 zqxjkv' : ''
  const input = sentence(words, 20 + below(60)) + rare
  const failed = below(50) === 0
  const at = started + i * 1000
  const record = {
    id: i.toString(16).padStart(32, '0'),
    kind: kinds[below(5)],
    model: `model-${below(6)}`,
    startedAt: at,
    durationMs: 20 + 5000 * random() ** 3,
    ttftMs: 100,
    state: failed ? ('error' as const) : ('ok' as const),
    error: failed ? 'The connection was lost.' : null,
    finishReason: 'stop',
    inputTokens: below(500),
    outputTokens: below(300),
    cache: below(20) === 0 ? ('exact' as const) : null,
    conversationId: null,
    messageId: null,
    replayOf: null,
    preview: input.slice(0, 160),
  }
  const spans = ['call', 'load', 'prompt', 'prefill', 'decode'].map((name, n) => ({
    id: `${i.toString(16)}${n}`.padStart(16, '0'),
    parentId: n === 0 ? null : `${i.toString(16)}0`.padStart(16, '0'),
    name,
    startedAt: at + n,
    durationMs: 10,
    state: 'ok' as const,
    error: null,
    attributes: { 'gen_ai.request.model': record.model, 'gen_ai.request.temperature': 0.7, n },
  }))
  const output = [{ role: 'assistant' as const, content: sentence(words, 40 + below(120)) }]
  return { trace: record, spans, content: { input: [{ role: 'user', content: input }], output } }
}

const queries: [string, TraceFilter][] = [
  ['newest', {}],
  ['kind', { kinds: ['ask'] }],
  ['model', { models: ['model-3'] }],
  ['errors', { states: ['error'] }],
  ['cache hits', { cacheHit: true }],
  ['slow', { minDurationMs: 4900 }],
  [
    'an hour a week ago',
    { startedAfter: started + (count / 2) * 1000, startedBefore: started + (count / 2 + 3600) * 1000 },
  ],
  ['one that does not exist', { conversationId: 'none' }],
  ['kind, model, slow', { kinds: ['chat'], models: ['model-1'], minDurationMs: 2000 }],
  ['rare word of 2 syllables', { text: '뷁똠' }],
  ['rare word of 6 letters', { text: 'zqxjkv' }],
  ['common word, Korean', { text: korean[0] }],
  ['common word, English', { text: english[40] }],
  ['two words, Korean', { text: `${korean[3]} ${korean[900]}` }],
  ['one syllable', { text: korean[0][0] }],
  ['one letter', { text: 'e' }],
  ['part of a word', { text: english[50].slice(1) }],
  ['common letters, no such word', { text: 'theonates' }],
  ['text among errors', { text: korean[5], states: ['error'] }],
]

const tries = 5
const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'moru-bench-'))
const file = join(folder, profileFiles.database)

function write(): void {
  const store = openStore(folder)
  const begun = performance.now()
  for (let first = 0; first < count; first += 200)
    store.traces.write(Array.from({ length: Math.min(200, count - first) }, (_, i) => trace(first + i)))
  console.log(`${count} traces written, ${((performance.now() - begun) / count).toFixed(2)} ms each`)
  store.close()
}

const first: number[] = []
const later: number[] = []
/** The first try, and the range of the others. */
function time(work: (traces: ReturnType<typeof openStore>['traces']) => unknown): string {
  const store = openStore(folder)
  const times = Array.from({ length: tries }, () => {
    const at = performance.now()
    work(store.traces)
    return performance.now() - at
  })
  store.close()
  first.push(times[0])
  later.push(...times.slice(1))
  const [, ...others] = times
  return `${times[0].toFixed(1)} ms first, then ${Math.min(...others).toFixed(1)} to ${Math.max(...others).toFixed(1)}`
}

try {
  if (!existsSync(file)) write()
  console.log(`${(statSync(file).size / 1e6).toFixed(0)} MB`)
  for (const [name, filter] of queries) {
    const list = time((traces) => traces.list(filter, null, 100))
    let found = { value: 0, more: false }
    const counted = time((traces) => (found = traces.count(filter)))
    console.log(
      `${name.padEnd(30)} ${String(found.value).padStart(7)}${found.more ? '+' : ' '}  list ${list}; count ${counted}`,
    )
  }
  console.log(`deep page: ${time((traces) => traces.list({}, Math.floor(count / 10), 100))}`)
  console.log(`totals: ${time((traces) => traces.totals())}; models: ${time((traces) => traces.models())}`)
  console.log(`slowest first try ${Math.max(...first).toFixed(1)} ms, later ones ${Math.max(...later).toFixed(1)} ms`)
} finally {
  if (!options.folder) rmSync(folder, { recursive: true, force: true })
}
