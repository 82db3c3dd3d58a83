/**
 * How a text becomes the terms that BM25 counts.
 *
 * - Words are runs of letters, marks, digits and underscores, lower-cased, in Unicode's composed form.
 * - A word of a to z alone becomes its stem (Porter, 1980). Other words without the scripts below stay as they are.
 * - A word with Hangul, Han or Kana, whose words stick together or to their endings, becomes its windows of two characters; one of
 *   a single character stays whole. '서울의' gives '서울', '울의'.
 * - A word that mixes those with others, such as 'GPU를' or '1989년', gives its windows and its other parts as words of
 *   their own: 'gp', 'pu', 'u를', 'gpu'. So it is found by 'GPU' and by '1989'.
 *
 * Measured on KorQuAD in docs/retrieval.md.
 */
import { stemmer } from 'stemmer'

/** What is stored with a chunk's terms: terms of another analyser are made anew. Change it with the rules above. */
export const analysers = { words: 'words-1', morphemes: 'words-1+morphemes-1' }
export const analyserFor = (settings: { koreanMorphemes: boolean }) =>
  settings.koreanMorphemes ? analysers.morphemes : analysers.words

const word = /[\p{L}\p{M}\p{N}_]+/gu
const unspaced = /[\p{sc=Hangul}\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]/u
const spacedRun = /[^\p{sc=Hangul}\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]+/gu

export interface TermPlace {
  term: string
  /** UTF-16 offsets in the text. */
  start: number
  end: number
}

/** The words of a text, lower-cased, as the reference tokenisation has them: Hangul words in windows, nothing stemmed. */
export function plainTerms(text: string): string[] {
  const words = text.toLowerCase().match(word) ?? []
  return words.flatMap((w) => (/[가-힣]/.test(w) ? windowsOf(w, 0).map((p) => p.term) : [w]))
}

/** The terms of a text, with repetitions, in order. */
export const termsOf = (text: string): string[] => termPlaces(text.normalize('NFC')).map((place) => place.term)

/** The terms of a text and where they stand in it. Only composed text (NFC) gives the terms that are indexed. */
export function termPlaces(text: string): TermPlace[] {
  const places: TermPlace[] = []
  for (const match of text.matchAll(word)) {
    // Some letters change their length in lower case (İ): then the places are the whole word's.
    const lower = match[0].toLowerCase()
    const found = unspaced.test(lower) ? unspacedTerms(lower, match.index) : [spacedTerm(lower, match.index)]
    if (lower.length === match[0].length) places.push(...found)
    else for (const { term } of found) places.push({ term, start: match.index, end: match.index + match[0].length })
  }
  return places
}

const spacedTerm = (lower: string, start: number): TermPlace => ({
  term: /^[a-z]+$/.test(lower) ? stemmer(lower) : lower,
  start,
  end: start + lower.length,
})

function unspacedTerms(lower: string, start: number): TermPlace[] {
  const parts = [...lower.matchAll(spacedRun)].map((part) => spacedTerm(part[0], start + part.index))
  return [...windowsOf(lower, start), ...parts]
}

function windowsOf(lower: string, start: number): TermPlace[] {
  const characters = [...lower]
  if (characters.length === 1) return [{ term: lower, start, end: start + lower.length }]
  let at = start
  return characters.slice(1).map((second, i) => {
    const first = characters[i]
    const place = { term: first + second, start: at, end: at + first.length + second.length }
    at += first.length
    return place
  })
}

/** How often each term occurs. */
export function countTerms(terms: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  return counts
}
