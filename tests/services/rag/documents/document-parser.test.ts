import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { DocumentParser, type DocumentParserOptions, problemOf } from '../../../../src/main/rag/documents'
import { childCommand } from '../../../../src/main/rag/documents/child-command'
import { toMoruError } from '../../../../src/shared/errors'
import { pdfOf } from '../../../fixtures/documents/builders/pdf'

let open: DocumentParser[] = []
afterEach(() => {
  for (const parser of open) parser.close()
  open = []
})
function parserWith(options: DocumentParserOptions): DocumentParser {
  const parser = new DocumentParser(options)
  open.push(parser)
  return parser
}

const note = { bytes: Buffer.from('쪽지 하나.'), name: 'note.txt' }
const slow = { bytes: pdfOf(Array.from({ length: 8000 }, (_, i) => [{ text: `Line ${i}`, y: 700 }])), name: 'slow.pdf' }
const hungry = { bytes: Buffer.from(`[${'{"a":{}},'.repeat(2_500_000)}0]`), name: 'hungry.json' }
const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => problemOf(error) ?? toMoruError(error).code,
  )

test('a document that takes too much memory is a failure of its own, and the next is read by a new child', async () => {
  const parser = parserWith({ processes: 1, memoryBytes: 200 * 2 ** 20 })
  expect((await parser.parseDocument(note)).text).toBe('쪽지 하나.')
  expect(await reasonOf(parser.parseDocument(hungry))).toBe('memory_limit')
  expect((await parser.parseDocument(note)).text).toBe('쪽지 하나.')
})

/** Children of this process that run the parser. */
function parsers(): number[] {
  const rows = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' }).split('\n')
  return rows.filter((row) => /documents\/child\.ts/.test(row)).map((row) => Number.parseInt(row, 10))
}

test.runIf(process.platform === 'linux')('one whose child is killed from outside is read by another', async () => {
  const parser = parserWith({ processes: 1 })
  await parser.parseDocument(note)
  const [first] = parsers()
  const reading = parser.parseDocument(note)
  process.kill(first, 'SIGKILL')
  expect((await reading).text).toBe('쪽지 하나.')
  expect(parsers()).not.toContain(first)
})

test('one that takes too long is ended', async () => {
  const parser = parserWith({ processes: 1 })
  await parser.parseDocument(note)
  const start = performance.now()
  const deep = { bytes: Buffer.from('<div>'.repeat(100_000)), name: 'deep.html' }
  expect(await reasonOf(parser.parseDocument(deep, { timeMs: 500 }))).toBe('time_limit')
  expect(performance.now() - start).toBeLessThan(1500)
  expect((await parser.parseDocument(note)).text).toBe('쪽지 하나.')
})

test('cancelling takes effect within a second, for the document being read and for those that wait', async () => {
  const parser = parserWith({ processes: 1 })
  await parser.parseDocument(note)
  const reading = new AbortController()
  const waiting = new AbortController()
  const first = reasonOf(parser.parseDocument(slow, {}, reading.signal))
  const second = reasonOf(parser.parseDocument(note, {}, waiting.signal))
  const third = parser.parseDocument(note)
  await new Promise((resolve) => setTimeout(resolve, 200))
  const start = performance.now()
  waiting.abort()
  expect(await second).toBe('cancelled')
  reading.abort()
  expect(await first).toBe('cancelled')
  expect(performance.now() - start).toBeLessThan(1000)
  expect((await third).text).toBe('쪽지 하나.')
  expect(await reasonOf(parser.parseDocument(note, {}, AbortSignal.abort()))).toBe('cancelled')
})

test('many at once share the children, and all are answered', async () => {
  const parser = parserWith({ processes: 2 })
  const notes = Array.from({ length: 40 }, (_, i) => ({ bytes: Buffer.from(`쪽지 ${i}.`), name: 'a.txt' }))
  const parsed = await Promise.all(notes.map((file) => parser.parseDocument(file)))
  expect(parsed.map(({ text }) => text)).toEqual(notes.map((_, i) => `쪽지 ${i}.`))
})

test('closing rejects what is being read', async () => {
  const parser = parserWith({ processes: 1 })
  const reading = reasonOf(parser.parseDocument(slow))
  await new Promise((resolve) => setTimeout(resolve, 100))
  parser.close()
  expect(await reading).toBe('cancelled')
  expect((await parser.parseDocument(note)).text).toBe('쪽지 하나.')
})

test('the built product finds its parser beside the bundle, and says so where there is none', () => {
  expect(() => childCommand('file:///nowhere/out/main/chunks/index.js')).toThrow(/parser is missing/)
  expect(existsSync(childCommand().entry)).toBe(true)
  expect(childCommand().entry).toBe(join(import.meta.dirname, '../../../../src/main/rag/documents/child.ts'))
})
