/** Files that are broken or mean harm: each gives an error that says why, in time, and the next file is read as if nothing had been. */
import { execFileSync } from 'node:child_process'
import {
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { strToU8, zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type DocumentFile,
  DocumentParser,
  documentTypes,
  type ParseLimits,
  problemOf,
} from '../../../../src/main/rag/documents'
import { MoruError } from '../../../../src/shared/errors'
import { hwpOf } from '../../../fixtures/documents/builders/hancom'
import { docxOf, epubOf, pptxOf, zipOf } from '../../../fixtures/documents/builders/office'
import { pdfFile, pdfOf } from '../../../fixtures/documents/builders/pdf'

const fixtures = join(import.meta.dirname, '../../../fixtures/documents/files')
let parser: DocumentParser
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moru-hostile-'))
  parser = new DocumentParser({ processes: 1, memoryBytes: 400 * 2 ** 20 })
})
afterAll(() => {
  parser.close()
  rmSync(folder, { recursive: true, force: true })
})

async function failure(
  file: DocumentFile,
  limits: Partial<ParseLimits> = {},
): Promise<{ reason: string | null; message: string; tookMs: number }> {
  const start = performance.now()
  try {
    const { text } = await parser.parseDocument(file, limits)
    return { reason: null, message: `read: ${text.slice(0, 100)}`, tookMs: performance.now() - start }
  } catch (error) {
    if (!(error instanceof MoruError)) throw error
    return { reason: problemOf(error) ?? error.code, message: error.message, tookMs: performance.now() - start }
  }
}

async function stillReads() {
  const { text } = await parser.parseDocument({ bytes: Buffer.from('아직 읽는다.'), name: 'a.txt' })
  expect(text).toBe('아직 읽는다.')
}

describe('archives', () => {
  test('one that is cut off anywhere is damaged', async () => {
    for (const name of ['guide.docx', 'guide.pptx', 'tools.xlsx', 'guide.epub', 'guide.hwpx']) {
      const bytes = readFileSync(join(fixtures, name))
      for (const share of [0.1, 0.5, 0.95])
        expect(await failure({ bytes: bytes.subarray(0, bytes.length * share), name }), name).toMatchObject({
          reason: 'broken',
        })
    }
  })

  test('a zip bomb is refused by what it declares', async () => {
    const bomb = zipOf({ 'word/document.xml': new Uint8Array(40 * 2 ** 20), '[Content_Types].xml': '' })
    expect(bomb.length).toBeLessThan(100_000)
    expect(await failure({ bytes: bomb, name: 'bomb.docx' }, { unpackedBytes: 10 * 2 ** 20 })).toMatchObject({
      reason: 'too_large',
    })
  })

  test('and one that lies about its size by what comes out', async () => {
    const bomb = Buffer.from(zipOf({ 'word/document.xml': new Uint8Array(40 * 2 ** 20), '[Content_Types].xml': '' }))
    const central = bomb.indexOf(Buffer.from('PK\x01\x02', 'latin1'))
    bomb.writeUInt32LE(1000, central + 24)
    expect(await failure({ bytes: bomb, name: 'bomb.docx' })).toMatchObject({
      reason: 'too_large',
      message: expect.stringContaining('zip bomb'),
    })
  })

  test('archives inside an archive are not opened', async () => {
    const inner = zipSync({ 'a.bin': new Uint8Array(20 * 2 ** 20) })
    const nested = await failure({
      bytes: zipOf({ 'a.zip': inner, 'b.zip': zipSync({ 'c.zip': inner }) }),
      name: 'nested.docx',
    })
    expect(nested).toMatchObject({ reason: 'not_a_document', message: expect.stringContaining('archive') })
  })

  test('too many parts', async () => {
    const parts = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`word/${i}.xml`, strToU8('')]))
    expect(await failure({ bytes: zipSync(parts, { level: 0 }), name: 'a.docx' }, { zipEntries: 1000 })).toMatchObject({
      reason: 'too_large',
    })
  })

  test('entities that expand without end are refused unexpanded', async () => {
    const entities = Array.from({ length: 9 }, (_, i) => `<!ENTITY a${i + 1} "${`&a${i};`.repeat(10)}">`).join('')
    const before = `<!DOCTYPE lolz [<!ENTITY a0 "lol">${entities}]>`
    const bytes = docxOf([{ text: '&a9;' }], { before })
    const laughs = await failure({ bytes, name: 'laughs.docx' })
    expect(laughs).toMatchObject({ reason: 'broken', message: expect.stringContaining('entities') })
    const book = epubOf('book', ['<p>text</p>'])
    expect(await failure({ bytes: book, name: 'a.epub' })).toMatchObject({ reason: null })
  })

  test('a presentation whose XML never closes is damaged', async () => {
    const whole = pptxOf([{ title: '제목', texts: ['글'] }])
    const bytes = zipOf({
      'ppt/presentation.xml': '<p:presentation xmlns:p="p"><p:sldIdLst>'.repeat(1000),
      '_rels/.rels': '',
    })
    expect(await failure({ bytes, name: 'a.pptx' })).toMatchObject({ reason: 'broken' })
    expect(await failure({ bytes: whole, name: 'a.pptx' })).toMatchObject({ reason: null })
  })
})

describe('PDF', () => {
  test('cut off or made of noise behind its first line', async () => {
    const bytes = readFileSync(join(fixtures, 'guide.pdf'))
    const { reason } = await failure({ bytes: bytes.subarray(0, 300), name: 'a.pdf' })
    expect(['broken', 'scanned']).toContain(reason)
    const noise = Buffer.concat([Buffer.from('%PDF-1.7\n'), noiseOf(20_000, 7)])
    expect(await failure({ bytes: noise, name: 'b.pdf' })).toMatchObject({ reason: 'broken' })
  })

  test('page trees and references that lead back to themselves', async () => {
    const loops = [
      ['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Count 1 /Kids [2 0 R] >>'],
      [
        '<< /Type /Catalog /Pages 2 0 R >>',
        '<< /Type /Pages /Count 2 /Kids [3 0 R 2 0 R] >>',
        '<< /Type /Pages /Parent 2 0 R /Count 1 /Kids [2 0 R] >>',
      ],
      ['1 0 R', '2 0 R'],
      [
        '<< /Type /Catalog /Pages 2 0 R >>',
        '<< /Type /Pages /Count 1 /Kids [3 0 R] >>',
        '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents [3 0 R 4 0 R] /Resources 3 0 R >>',
        '<< /Length 4 0 R >>\nstream\nBT ET\nendstream',
      ],
    ]
    for (const objects of loops) {
      const { reason, tookMs } = await failure(
        { bytes: pdfFile(objects, '/Root 1 0 R'), name: 'loop.pdf' },
        { timeMs: 8000 },
      )
      expect(reason).not.toBeNull()
      expect(tookMs).toBeLessThan(8500)
    }
    await stillReads()
  })

  test('ten thousand pages are read until the time is up, and it says how far', async () => {
    const pages = Array.from({ length: 10_000 }, (_, i) => [
      { text: `Page number ${i + 1} of a very long document`, y: 700 },
    ])
    const start = performance.now()
    const parsed = await parser.parseDocument(
      { bytes: pdfOf(pages), name: 'long.pdf' },
      { timeMs: 2500, pages: 20_000 },
    )
    expect(performance.now() - start).toBeLessThan(5000)
    expect(parsed.warnings.join()).toMatch(/^Only the first \d+ of 10000 pages were read: the time limit/)
    expect(parsed.text).toContain('Page number 1 of')
    const few = await parser.parseDocument({ bytes: pdfOf(pages.slice(0, 30)), name: 'long.pdf' }, { pages: 10 })
    expect(few.warnings).toEqual(['Only the first 10 of 30 pages were read: the limit of 10 pages.'])
  })
})

describe('values and bytes', () => {
  test('JSON nested a hundred thousand deep', async () => {
    const bytes = Buffer.from('['.repeat(100_000) + ']'.repeat(100_000))
    expect(await failure({ bytes, name: 'deep.json' })).toMatchObject({
      reason: 'broken',
      message: expect.stringContaining('nested'),
    })
    await stillReads()
  })

  test('HTML nested a hundred thousand deep', async () => {
    const { reason, tookMs } = await failure(
      { bytes: Buffer.from('<div>'.repeat(100_000) + '글'), name: 'deep.html' },
      { timeMs: 3000 },
    )
    expect(reason === null || ['broken', 'time_limit', 'memory_limit'].includes(reason)).toBe(true)
    expect(tookMs).toBeLessThan(4000)
    await stillReads()
  })

  test('a file of blanks or zeros that is far too large is not read through', async () => {
    const zeros = join(folder, 'zeros.txt')
    writeFileSync(zeros, '')
    truncateSync(zeros, 200 * 2 ** 20)
    expect(await failure({ path: zeros })).toMatchObject({ reason: 'not_a_document' })
    const blanks = join(folder, 'blanks.txt')
    const file = openSync(blanks, 'w')
    for (let i = 0; i < 70; i++) writeSync(file, Buffer.alloc(2 ** 20, ' '))
    closeSync(file)
    expect(await failure({ path: blanks })).toMatchObject({ reason: 'too_large' })
    truncateSync(zeros, 300 * 2 ** 20)
    expect(await failure({ path: zeros })).toMatchObject({ reason: 'too_large' })
  })

  test('noise under every name is no document', async () => {
    for (const [i, type] of documentTypes.entries()) {
      const { reason } = await failure({ bytes: noiseOf(5000, i + 1), name: `noise.${type}` })
      expect(['not_a_document', 'broken'], type).toContain(reason)
    }
    await stillReads()
  })

  test('documents that were damaged in the middle never bring the parser down', async () => {
    for (const name of ['guide.docx', 'guide.pptx', 'tools.xlsx', 'guide.epub', 'guide.hwpx', 'guide.hwp', 'guide.pdf'])
      for (let seed = 1; seed <= 3; seed++) {
        const bytes = Uint8Array.from(readFileSync(join(fixtures, name)))
        noiseOf(12, seed * 31).forEach(
          (byte, i) => (bytes[(byte * 7919 * (i + 1) + seed * 104_729) % bytes.length] = byte),
        )
        const { reason } = await failure({ bytes, name }, { timeMs: 8000 })
        expect([null, 'broken', 'too_large', 'scanned', 'encrypted', 'not_a_document'], `${name} ${seed}`).toContain(
          reason,
        )
      }
  })

  test('what is no document says what it is', async () => {
    const cases: [string, Uint8Array | string, string, string][] = [
      ['a.png', Buffer.from('\x89PNG\r\n\x1a\n\0\0', 'latin1'), 'not_a_document', 'PNG image'],
      [
        'a.doc',
        Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.from('WordDocument', 'utf16le')]),
        'not_a_document',
        'DOCX',
      ],
      [
        'a.docx',
        Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.from('EncryptedPackage', 'utf16le')]),
        'encrypted',
        'password',
      ],
      ['a.hwp', hwpOf(['비밀'], 2), 'encrypted', 'password'],
      ['a.zip', zipOf({ 'a.txt': 'a' }), 'not_a_document', 'archive'],
      ['a.exe', Buffer.from('MZ\x90\0\x03', 'latin1'), 'not_a_document', 'program'],
      ['a.pdf', pdfOf([[]], { scanned: true }), 'scanned', 'OCR'],
    ]
    for (const [name, content, reason, message] of cases)
      expect(await failure({ bytes: Buffer.from(content), name }), name).toMatchObject({
        reason,
        message: expect.stringContaining(message),
      })
  })
})

describe('special files', () => {
  test('pipes, devices, folders and loops never block', async () => {
    const pipe = join(folder, 'pipe.txt')
    execFileSync('mkfifo', [pipe])
    symlinkSync('loop.txt', join(folder, 'loop.txt'))
    const cases: [string, string, string][] = [
      [pipe, 'not_a_document', 'a pipe'],
      ['/dev/zero', 'not_a_document', 'a device'],
      [folder, 'not_a_document', 'a folder'],
      [join(folder, 'loop.txt'), 'unreadable', 'back to itself'],
      [join(folder, 'nothing.txt'), 'unreadable', 'not there'],
    ]
    for (const [path, reason, message] of cases) {
      const result = await failure({ path })
      expect(result, path).toMatchObject({ reason, message: expect.stringContaining(message) })
      expect(result.tookMs).toBeLessThan(2000)
    }
  })
})

/** Bytes of a seeded generator (xorshift32). */
function noiseOf(length: number, seed: number): Uint8Array {
  let state = seed
  return Uint8Array.from({ length }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state & 255
  })
}
