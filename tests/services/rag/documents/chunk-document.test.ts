import { Tokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type BlockKind, chunkDocument, type Chunk } from '../../../../src/main/rag/documents'
import { parseMarkdown } from '../../../../src/main/rag/documents/formats/markdown'
import { parsePlainText } from '../../../../src/main/rag/documents/formats/plain-text'

const root = join(import.meta.dirname, '../../../..')
const tokenizer = new Tokenizer(
  JSON.parse(readFileSync(join(root, 'tests/golden/tokenizers/minilm-tokenizer.json'), 'utf8')),
  {},
)
const countTokens = (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids.length

const markdown = (source: string) => ({ ...parseMarkdown(source), type: 'markdown' as const })
const plain = (source: string) => ({ ...parsePlainText(source), type: 'text' as const })
const texts = (chunks: Chunk[]) => chunks.map(({ text }) => text)

/** Blanks apart, every character stands in a chunk, chunks go forward, and none is too long. */
function checkCover(text: string, chunks: Chunk[], maxTokens: number): void {
  let at = 0
  for (const chunk of chunks) {
    expect(text.slice(at, Math.max(at, chunk.start)).trim()).toBe('')
    expect(chunk.text.slice(chunk.headerLength)).toBe(text.slice(chunk.start, chunk.end))
    expect(chunk.end).toBeGreaterThan(at)
    expect(chunk.tokens).toBeLessThanOrEqual(maxTokens)
    expect(countTokens(chunk.text)).toBeLessThanOrEqual(maxTokens)
    at = chunk.end
  }
  expect(text.slice(at).trim()).toBe('')
}

describe('structure', () => {
  test('headings open chunks and name their path; none stands at the end of one', () => {
    const body = 'The smith heats the bar. He strikes it hard. The iron moves slowly under the hammer. '.repeat(2)
    const document = markdown(
      `# Forge\n\n${body}\n\n## Tools\n\n${body}\n\n### Hammer **one**\n\n${body}\n\n## Fire\n\n${body}`,
    )
    const chunks = chunkDocument(document, { maxTokens: 64, overlap: 0, countTokens })
    checkCover(document.text, chunks, 64)
    expect(chunks.map(({ headings }) => headings.join(' > '))).toEqual([
      'Forge',
      'Forge > Tools',
      'Forge > Tools > Hammer one',
      'Forge > Fire',
    ])
    for (const { text } of chunks) expect(text).toMatch(/^#+ .*\n[^]*hammer\.\s*$/)
  })

  test('short sections share a chunk', () => {
    const document = markdown('# A\n\none\n\n# B\n\ntwo\n\n# C\n\nthree')
    expect(texts(chunkDocument(document, { maxTokens: 100, overlap: 0, countTokens }))).toEqual([document.text])
  })

  test('a paragraph that fits begins the next chunk instead of being cut', () => {
    const first = 'Iron is heavy. Steel is hard. Coal burns hot. Water cools fast. Wood floats well.'
    const second = 'The anvil stands. The hammer falls. The smith rests.'
    const chunks = chunkDocument(plain(`${first}\n\n${second}`), { maxTokens: 26, overlap: 0, countTokens })
    expect(texts(chunks)).toEqual([first, second])
  })

  test('code is cut between lines', () => {
    const lines = Array.from({ length: 30 }, (_, i) => `    strike(${i})`)
    const chunks = chunkDocument(markdown('```js\n' + lines.join('\n') + '\n```'), {
      maxTokens: 40,
      overlap: 0,
      countTokens,
    })
    expect(chunks.length).toBeGreaterThan(3)
    for (const { text } of chunks.slice(1, -1)) expect(text).toMatch(/^ {4}strike\(\d+\)(\n {4}strike\(\d+\))*$/)
  })

  test('rows repeat the header of their table, and only where they lost it', () => {
    const rows = Array.from({ length: 12 }, (_, i) => `| 도구 ${i} | ${i} kg |`)
    const document = markdown(`| 이름 | 무게 |\n| --- | --- |\n${rows.join('\n')}`)
    const chunks = chunkDocument(document, { maxTokens: 60, overlap: 20, countTokens })
    checkCover(document.text, chunks, 60)
    expect(chunks.length).toBeGreaterThan(2)
    for (const { text } of chunks) expect(text.match(/이름/g)).toHaveLength(1)
    expect(chunks[0].headerLength).toBe(0)
    expect(chunks[1].text.slice(0, chunks[1].headerLength)).toBe('| 이름 | 무게 |\n| --- | --- |\n')
    expect(chunks[1].start).toBeGreaterThan(chunks[0].end)
  })

  test('pages go along', () => {
    const blocks = [1, 2].map((page) => ({
      kind: 'paragraph' as BlockKind,
      start: page * 5 - 5,
      end: page * 5 - 1,
      page,
    }))
    const chunks = chunkDocument({ text: 'one. two.', blocks, type: 'pdf' }, { maxTokens: 2, overlap: 0, countTokens })
    expect(chunks.map(({ page, text }) => [page, text])).toEqual([
      [1, 'one.'],
      [2, 'two.'],
    ])
  })
})

describe('overlap', () => {
  test('is the last sentences that fit', () => {
    const sentences = Array.from({ length: 12 }, (_, i) => `망치 ${i}번을 들었다.`)
    const document = plain(sentences.join(' '))
    const chunks = chunkDocument(document, { maxTokens: 60, overlap: 30, countTokens })
    checkCover(document.text, chunks, 60)
    for (const [i, chunk] of chunks.slice(1).entries()) {
      const shared = document.text.slice(chunk.start, chunks[i].end)
      expect(shared).toMatch(/^망치 \d+번을 들었다\./)
      expect(countTokens(shared)).toBeLessThanOrEqual(30)
    }
  })

  test('is words where the last sentence alone is too long', () => {
    const words = Array.from({ length: 200 }, (_, i) => `word${i}`).join(' ')
    const chunks = chunkDocument(plain(words), { maxTokens: 50, overlap: 10, countTokens })
    checkCover(words, chunks, 50)
    for (const [i, chunk] of chunks.slice(1).entries()) {
      expect(chunk.start).toBeLessThan(chunks[i].end)
      expect(chunk.text).toMatch(/^word\d+ /)
    }
  })

  test('does not reach over a heading', () => {
    const document = markdown(
      `# A\n\n${'One two three four five. '.repeat(6)}\n\n# B\n\n${'Six seven eight. '.repeat(6)}`,
    )
    const [first, second] = chunkDocument(document, { maxTokens: 45, overlap: 20, countTokens })
    expect(second.start).toBeGreaterThan(first.end)
  })
})

describe('whatever the text', () => {
  test('no character is lost or torn, and no chunk is too long', () => {
    const graphemes = new Intl.Segmenter('ko', { granularity: 'grapheme' })
    const piece = fc.constantFrom(
      '다. ',
      '가나다라',
      'word ',
      '👩‍👩‍👧‍👦',
      '🇰🇷',
      'e\u0301',
      '\n\n',
      '# ',
      '\n',
      '- ',
      '| a | b |\n| - | - |\n',
      '```\n',
      '0.5 ',
      ' \u0301',
      'ㅋ'.repeat(70),
      '"',
      ' ',
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 80 }),
        fc.integer({ min: 12, max: 40 }),
        fc.integer({ min: 0, max: 30 }),
        (pieces, maxTokens, overlap) => {
          const document = markdown(pieces.join(''))
          const chunks = chunkDocument(document, { maxTokens, overlap, countTokens })
          checkCover(document.text, chunks, maxTokens)
          const borders = new Set(
            [...graphemes.segment(document.text)].map(({ index }) => index).concat(document.text.length),
          )
          for (const { start, end } of chunks) expect(borders.has(start) && borders.has(end)).toBe(true)
        },
      ),
      { numRuns: 150, examples: [[[' \u0301', '가나다라', '| a | b |\n| - | - |\n'], 12, 0]] },
    )
  })

  test('a megabyte costs little more than counting its tokens, also without a single blank', () => {
    const korean = '대장장이는 달군 쇠를 모루 위에 올려놓고 두드린다. 색이 어두워지면 다시 불에 넣는다. '
    const english = 'The smith lays the hot bar on the anvil and strikes it until the colour fades. '
    const prose = plain((english.repeat(9) + '\n\n' + korean.repeat(2) + '\n\n').repeat(450))
    let counted = 0
    let countingMs = 0
    const counting = (text: string) => {
      const start = performance.now()
      counted += text.length
      const tokens = countTokens(text)
      countingMs += performance.now() - start
      return tokens
    }
    const start = performance.now()
    const chunks = chunkDocument(prose, { maxTokens: 254, overlap: 32, countTokens: counting })
    const ownMs = performance.now() - start - countingMs
    expect(chunks.length).toBeGreaterThan(500)
    expect(counted).toBeLessThan(prose.text.length * 1.5)
    expect(ownMs).toBeLessThan(1500)
    const solid = 'A1b2'.repeat(60_000)
    checkCover(solid, chunkDocument(plain(solid), { maxTokens: 254, overlap: 32, countTokens }), 254)
  })

  test('an empty document has no chunks', () => {
    expect(chunkDocument(plain('  \n'), { maxTokens: 10, overlap: 2, countTokens })).toEqual([])
  })
})
