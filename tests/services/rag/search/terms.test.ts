import { expect, it } from 'vitest'
import { MorphemeAnalyser, morphemeTerms } from '../../../../src/main/rag/search/morphemes'
import { analyseTexts } from '../../../../src/main/rag/search/analyse'
import { analysers, plainTerms, termPlaces, termsOf } from '../../../../src/main/rag/search/terms'

it.each([
  ['Running dogs RAN', ['run', 'dog', 'ran']],
  ['서울의 날씨', ['서울', '울의', '날씨']],
  ['물 a', ['물', 'a']],
  ['GPU를', ['gp', 'pu', 'u를', 'gpu']],
  ['1989년', ['19', '98', '89', '9년', '1989']],
  ['東京都', ['東京', '京都']],
  ['snake_case x86_64 3.14', ['snake_case', 'x86_64', '3', '14']],
  ['café naïve', ['café', 'naïve']],
  ['𠮷野家', ['𠮷野', '野家']],
  [' \n\t…!?', []],
])('cuts %j into terms', (text, terms) => {
  expect(termsOf(text)).toEqual(terms)
})

it('gives the same terms for composed and decomposed Hangul', () => {
  expect(termsOf('한국어 검색'.normalize('NFD'))).toEqual(termsOf('한국어 검색'))
})

it('knows where terms stand, also where lower case is longer', () => {
  const text = '그 GPU를 İzmir에 running'
  for (const { term, start, end } of termPlaces(text)) {
    const there = text.slice(start, end).toLowerCase()
    expect(there.startsWith(term.slice(0, 2)) || there.includes(term)).toBe(true)
  }
  expect(termPlaces('a 서울의')).toEqual([
    { term: 'a', start: 0, end: 1 },
    { term: '서울', start: 2, end: 4 },
    { term: '울의', start: 3, end: 5 },
  ])
})

it('has the plain tokenisation of the reference beside it', () => {
  expect(plainTerms('Running GPU를 서울의')).toEqual(['running', 'gp', 'pu', 'u를', '서울', '울의'])
})

it('joins morphemes that touch, and leaves particles and endings out', () => {
  const morphemes = [
    { text: '정보', tag: 'NNG', word: 0 },
    { text: '검색', tag: 'NNG', word: 0 },
    { text: '을', tag: 'JKO', word: 0 },
    { text: '하', tag: 'VV', word: 6 },
  ]
  expect(morphemeTerms(morphemes)).toEqual(['m:정보', 'm:검색', 'm:정보검색', 'm:하'])
})

it('adds morphemes to Korean texts where the analyser has them, and to no others', async () => {
  const analyser = new MorphemeAnalyser()
  const [korean, english] = await analyseTexts(['약을 먹었다', 'pills taken'], analysers.morphemes, analyser)
  expect(korean).toEqual(expect.arrayContaining(['약을', 'm:약', 'm:먹']))
  expect(korean).not.toContain('m:을')
  expect(english).toEqual(['pill', 'taken'])
  expect(await analyseTexts(['약을 먹었다'], analysers.words, analyser)).toEqual([['약을', '먹었', '었다']])
  const stopped = AbortSignal.abort()
  await expect(analyser.analyse(['약'], stopped)).rejects.toMatchObject({ code: 'cancelled' })
  analyser.close()
})
