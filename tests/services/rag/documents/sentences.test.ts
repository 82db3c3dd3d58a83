import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sentencesOf } from '../../../../src/main/rag/documents'

const split = (text: string) => sentencesOf(text).map(({ start, end }) => text.slice(start, end))

test.each([
  // Korean endings
  [
    '대장간에 갔다. 불이 있었어요. 왜 그랬을까? 그렇죠. 좋습니다!',
    ['대장간에 갔다.', '불이 있었어요.', '왜 그랬을까?', '그렇죠.', '좋습니다!'],
  ],
  ['갔다.그리고 왔다.', ['갔다.', '그리고 왔다.']],
  ['사업을 추진함. 예산은 별도임.', ['사업을 추진함.', '예산은 별도임.']],
  // quotations
  ['그는 "왔다. 갔다." 하고 말했다. 끝이다.', ['그는 "왔다. 갔다." 하고 말했다.', '끝이다.']],
  ['“안녕하세요. 반갑습니다.”라고 했다. 모두 웃었다.', ['“안녕하세요. 반갑습니다.”라고 했다.', '모두 웃었다.']],
  ['He said, "I am here. Let us go." Then he left.', ['He said, "I am here. Let us go."', 'Then he left.']],
  ['쇠는(철이라고도 한다. 흔하다.) 단단하다. 무겁다.', ['쇠는(철이라고도 한다. 흔하다.) 단단하다.', '무겁다.']],
  ['한 번 열린 "따옴표가 닫히지 않는다. 그래도 나뉜다.', ['한 번 열린 "따옴표가 닫히지 않는다.', '그래도 나뉜다.']],
  // numbers and dates
  ['값은 3.14이다. 약 0.5cm 줄었다.', ['값은 3.14이다.', '약 0.5cm 줄었다.']],
  ['2024. 3. 15. 서울에서 열렸다. 3일간이었다.', ['2024. 3. 15. 서울에서 열렸다.', '3일간이었다.']],
  ['1. 개요를 적는다. 2. 목적을 적는다.', ['1. 개요를 적는다.', '2. 목적을 적는다.']],
  ['가. 목적은 이렇다. 나. 범위는 저렇다.', ['가. 목적은 이렇다.', '나. 범위는 저렇다.']],
  ['It happened in 2024. The next year was quiet.', ['It happened in 2024.', 'The next year was quiet.']],
  // abbreviations
  [
    'Dr. Kim met Mr. J. R. Smith at 5 p.m. in the U.S. office. They talked.',
    ['Dr. Kim met Mr. J. R. Smith at 5 p.m. in the U.S. office.', 'They talked.'],
  ],
  [
    'See Fig. 3 and e.g. Section 4, i.e. the end. Tools, nails, etc. He went on.',
    ['See Fig. 3 and e.g. Section 4, i.e. the end.', 'Tools, nails, etc.', 'He went on.'],
  ],
  ['제품 No. 3은 좋다. vs. 비교는 없다.', ['제품 No. 3은 좋다.', 'vs. 비교는 없다.']],
  // ellipses
  ['글쎄... 잘 모르겠다. 음… 그렇다.', ['글쎄... 잘 모르겠다.', '음… 그렇다.']],
  ['Well... maybe not. Yes... No.', ['Well... maybe not.', 'Yes...', 'No.']],
  ['鉄は熱い。打て！', ['鉄は熱い。', '打て！']],
])('%s', (text, sentences) => {
  expect(split(text)).toEqual(sentences)
})

test('nothing but blanks is lost, whatever the text', () => {
  const piece = fc.constantFrom(
    '다',
    '.',
    ' ',
    '"',
    '”',
    '“',
    '(',
    ')',
    '3',
    'A',
    'a',
    '?',
    '…',
    '\n',
    '😀',
    '\u0301',
    '。',
    'Mr',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const text = pieces.join('')
      let at = 0
      for (const { start, end } of sentencesOf(text)) {
        expect(text.slice(at, start).trim()).toBe('')
        expect(end).toBeGreaterThan(start)
        at = end
      }
      expect(text.slice(at).trim()).toBe('')
    }),
    { numRuns: 1000 },
  )
})

test('a megabyte without any blank or with nothing but quotes takes no time', () => {
  const start = performance.now()
  for (const text of ['다'.repeat(500_000), '("'.repeat(250_000), '다.'.repeat(250_000), '. '.repeat(250_000)])
    sentencesOf(text)
  expect(performance.now() - start).toBeLessThan(3000)
})
