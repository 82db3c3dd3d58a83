import { skipBlanks, trimBlanks } from '../blanks'

/**
 * Where sentences end, in Korean and English, by rule. Intl.Segmenter was tried and splits after "No.", "2024. 3." and
 * inside quotations, so it is not used.
 */

/** Marks that end a sentence, with the quotes and brackets that close right after them. */
const ends = /[.!?…。！？]+["'”’」』》〉)\]]*/g
// Ended with these, a sentence needs no blank behind it.
const wide = /[。！？]/
const abbreviations = new Set(
  (
    'mr mrs ms dr prof sr jr st vs etc e.g i.e cf fig figs eq eqs no nos vol pp p al inc ltd co corp dept est approx ca ed eds gen col lt sgt rev hon ' +
    'jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun a.m p.m u.s u.k u.n e.u ph.d m.d b.a m.a d.c sec ch art min max avg ' +
    'univ tel ext ver'
  ).split(' '),
)
/** What goes on after a quotation: its own sentence is not over. */
const goesOn =
  /^\s*(라고|이라고|라며|이라며|라는|이라는|라면|란|이란|하고|하며|하는|했|한다|하였|고\s|며\s|는\s|은\s|이\s|가\s|을\s|를\s|의\s|와\s|과\s|말했|말하|물었|답했|외쳤|덧붙|전했|밝혔|강조|설명)/
const pairs: Record<string, string> = {
  '“': '”',
  '‘': '’',
  '「': '」',
  '『': '』',
  '《': '》',
  '(': ')',
  '[': ']',
  '"': '"',
}
const longestQuote = 400

/** The sentences of text.slice(start, end) as ranges without the blanks between them. */
export function sentencesOf(text: string, start = 0, end = text.length): { start: number; end: number }[] {
  const sentences: { start: number; end: number }[] = []
  const quoted = quotedRanges(text, start, end)
  let from = skipBlanks(text, start, end)
  let quote = 0
  ends.lastIndex = from
  for (let match = ends.exec(text); match && match.index < end; match = ends.exec(text)) {
    const at = match.index + match[0].length
    while (quote < quoted.length && quoted[quote].end < at) quote++
    const inside = quote < quoted.length && quoted[quote].start < match.index && at < quoted[quote].end
    // A bracket that opened within the sentence does not end it.
    const aside = quoted[quote]?.end === at && quoted[quote].start > from && /[)\]]$/.test(match[0])
    if (inside || aside || at > end || !endsSentence(text, from, match.index, at, end)) continue
    sentences.push({ start: from, end: at })
    from = skipBlanks(text, at, end)
    ends.lastIndex = from
  }
  const last = trimBlanks(text, from, end)
  if (last > from) sentences.push({ start: from, end: last })
  return sentences
}

/** Whether the marks at text.slice(mark, at) end the sentence that began at `from`. */
function endsSentence(text: string, from: number, mark: number, at: number, end: number): boolean {
  if (at >= end) return true
  const marks = text.slice(mark, at)
  const rest = text.slice(at, Math.min(end, at + 40))
  if (/["'”’」』]$/.test(marks) && goesOn.test(rest)) return false
  if (wide.test(marks)) return true
  const before = text.slice(Math.max(from, mark - 24), mark)
  if (!/^\s/.test(rest)) return closesKorean(before, marks, rest)
  const next = rest.trimStart()
  // A mark that combines with the blank before it would be torn off.
  if (/^[,;:)\p{M}\u200d]/u.test(next)) return false
  // An ellipsis is a pause unless a capital letter begins something new.
  if (/^(\.{2,}|…+)/.test(marks) && marks.length === marks.match(/^(\.{2,}|…+)/)![0].length)
    return /^\p{Lu}/u.test(next) || rest.includes('\n')
  return marks[0] !== '.' || endsAtDot(text.slice(from, mark), before, next)
}

/** A verb's ending and a full stop, and the next sentence typed without a blank: "갔다.그리고". */
const closesKorean = (before: string, marks: string, rest: string) =>
  /[다요죠까]$/.test(before) && /^[.!?]+$/.test(marks) && /^[가-힣]{2}/.test(rest)

function endsAtDot(sentence: string, before: string, next: string): boolean {
  if (/^\p{Ll}/u.test(next) && !/[가-힣]$/.test(before)) return false
  const word = /[^\s("'“‘[]*$/.exec(before)![0]
  if (
    abbreviations.has(word.toLowerCase()) &&
    !(/^(etc|a\.m|p\.m|inc|ltd|co|corp|al)$/i.test(word) && /^\p{Lu}\p{L}*\s/u.test(next))
  )
    return false
  if (/^\p{Lu}$/u.test(word) || /^(\p{L}\.)+\p{L}$/u.test(word)) return false
  // "1. 개요", "가. 목적", "IV. Results": what stands before the dot is a number of the list.
  if (word === sentence.trim() && /^(\d{1,3}|[가-하]|[ivxIVX]{1,4}|[Ⅰ-Ⅻ])$/.test(word)) return false
  if (!/\d$/.test(word)) return true
  // Dates: 2024. 3. 15. 서울, 3. 15. 개최; numbers never end before another number.
  return !(/^\d/.test(next) || /\d{4}\.\s*\d{1,2}(\.\s*\d{1,2})?$/.test(before)) || /^\p{Lu}/u.test(next)
}

/** Quotations and brackets that close within reach, outermost first; a sentence does not end inside. */
function quotedRanges(text: string, start: number, end: number): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = []
  for (let i = start; i < end; i++) {
    const close = pairs[text[i]]
    if (!close) continue
    const at = text.slice(i + 1, Math.min(end, i + 1 + longestQuote)).indexOf(close)
    if (at < 0) continue
    ranges.push({ start: i, end: i + at + 2 })
    i += at + 1
  }
  return ranges
}
