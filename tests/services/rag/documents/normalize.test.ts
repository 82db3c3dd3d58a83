import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { languageOf, sourceRange } from '../../../../src/main/rag/documents'
import { normalizeText } from '../../../../src/main/rag/documents/normalize'

describe('normalizeText', () => {
  test('jamo become syllables, and each syllable leads back to its jamo', () => {
    const source = '한글'.normalize('NFD') + ' abc\r\n' + 'é'.normalize('NFD')
    const { text, map } = normalizeText(source)
    expect(text).toBe('한글 abc\né')
    expect(sourceRange(map, 1, 2)).toEqual({ start: 3, end: 6 })
    expect(sourceRange(map, 3, 6)).toEqual({ start: 7, end: 10 })
    expect(sourceRange(map, 7, 8)).toEqual({ start: 12, end: 14 })
  })

  test('the source of any range normalises to the text of that range', () => {
    const piece = fc.constantFrom(
      '가',
      '가'.normalize('NFD'),
      '각'.normalize('NFD'),
      'a',
      'e\u0301',
      '\r\n',
      '\n',
      ' ',
      '😀',
      '\u2126',
      '\u1100',
      '\u11a8',
      '\u0327\u0301',
      '\ud800',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const source = pieces.join('')
        const { text, map } = normalizeText(source)
        expect(text).toBe(source.toWellFormed().replaceAll('\r\n', '\n').normalize('NFC'))
        for (let i = 0, line = 0; i <= text.length; i++) {
          if (i < text.length && text[i] !== '\n') continue
          const range = sourceRange(map, line, i)
          expect(source.slice(range.start, range.end).toWellFormed().normalize('NFC')).toBe(text.slice(line, i))
          line = i + 1
        }
      }),
      { numRuns: 500 },
    )
  })
})

test('the language is that of most letters', () => {
  const cases: [string, string][] = [
    ['모루는 받침이다.', 'ko'],
    ['WebGPU 커널은 subgroup 연산을 쓰면 빨라진다.', 'ko'],
    ['The word 모루 means anvil in Korean, and that is all there is to say about it.', 'en'],
    ['鉄は熱いうちに打て。', 'other'],
    ['1,234 + 5 = ?', 'other'],
    ['', 'other'],
  ]
  for (const [text, language] of cases) expect(languageOf(text), text).toBe(language)
})
