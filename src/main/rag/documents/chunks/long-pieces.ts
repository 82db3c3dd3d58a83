import { type Unit } from './units'

// A tokenizer may take quadratic time over a word; no real word is longer than this.
const longestWord = 200
const graphemes = new Intl.Segmenter('ko', { granularity: 'grapheme' })

/**
 * Cuts what is longer than `maxTokens` at word borders, and words that are too long between graphemes. Every stretch is
 * counted once, so the time is linear. Sums of parts are no smaller than the count of the whole, up to a token or so.
 */
export function splitLong(
  text: string,
  unit: Omit<Unit, 'tokens'>,
  maxTokens: number,
  countTokens: (text: string) => number,
): Unit[] {
  const pieces: Unit[] = []
  let open: Unit | null = null
  for (const word of wordsOf(text, unit.start, unit.end)) {
    const tokens = countTokens(text.slice(open ? open.end : word.start, word.end))
    if (open && open.tokens + tokens <= maxTokens) {
      open.end = word.end
      open.tokens += tokens
      continue
    }
    if (tokens <= maxTokens) {
      pieces.push((open = { ...unit, ...word, tokens }))
      continue
    }
    const parts = halve(text, { ...unit, ...word }, maxTokens, countTokens)
    pieces.push(...parts)
    open = parts.at(-1)!
  }
  return pieces
}

/** Stretches without blanks, none longer than `longestWord`. */
function* wordsOf(text: string, start: number, end: number): Generator<{ start: number; end: number }> {
  // A mark after a blank combines with the blank.
  const word = /(?:\s(?=[\p{M}\u200c\u200d]))?\S+(?:\s+[\p{M}\u200c\u200d]\S*)*/gu
  word.lastIndex = start
  for (let match = word.exec(text); match && match.index < end; match = word.exec(text)) {
    const last = Math.min(match.index + match[0].length, end)
    for (let from = match.index; from < last;) {
      const to = last - from <= longestWord ? last : graphemeBefore(text, from, from + longestWord, last)
      yield { start: from, end: to }
      from = to
    }
    word.lastIndex = last
  }
}

/** Until each part fits; a single grapheme stays whole whatever it costs. */
function halve(
  text: string,
  unit: Omit<Unit, 'tokens'>,
  maxTokens: number,
  countTokens: (text: string) => number,
): Unit[] {
  const tokens = countTokens(text.slice(unit.start, unit.end))
  const middle = graphemeBefore(text, unit.start, (unit.start + unit.end + 1) >> 1, unit.end)
  if (tokens <= maxTokens || middle >= unit.end) return [{ ...unit, tokens }]
  return [
    ...halve(text, { ...unit, end: middle }, maxTokens, countTokens),
    ...halve(text, { ...unit, start: middle }, maxTokens, countTokens),
  ]
}

/** The last border between graphemes in (from, wanted], or the first one after it. */
function graphemeBefore(text: string, from: number, wanted: number, end: number): number {
  let border = from
  for (const { index, segment } of graphemes.segment(text.slice(from, Math.min(end, wanted + 64)))) {
    const next = from + index + segment.length
    if (next > wanted) return border > from ? border : Math.min(next, end)
    border = next
  }
  return border
}
