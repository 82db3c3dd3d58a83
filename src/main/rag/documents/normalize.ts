import { identityMap, type SourceMap, SourceMapBuilder } from './source-map'

// What may combine with the character before it: marks, medial and final Hangul jamo, Kirat Rai vowels. A cut before
// anything else does not change what NFC gives (Unicode Annex 15, quick check "maybe").
const clusters = /[^\p{M}\u1160-\u11ff\u{16d63}\u{16d67}-\u{16d6a}]?[\p{M}\u1160-\u11ff\u{16d63}\u{16d67}-\u{16d6a}]*/gu

/**
 * The text as the index holds it: NFC, \n for every line end, a blank for control characters, U+FFFD for lone
 * surrogates; and the way back. Hangul written as jamo (file names and texts from macOS) becomes syllables.
 */
export function normalizeText(source: string): { text: string; map: SourceMap } {
  const same = cleaned(source)
  if (!same.includes('\r') && same.normalize('NFC') === same) return { text: same, map: identityMap(source.length) }
  const map = new SourceMapBuilder()
  const parts: string[] = []
  let textAt = 0
  let sourceAt = 0
  const put = (part: string, length: number) => {
    parts.push(part)
    textAt += part.length
    sourceAt += length
    if (part.length !== length) map.anchor(textAt, sourceAt)
  }
  for (const [line, end] of lines(same)) {
    if (line.normalize('NFC') === line) put(line, line.length)
    else for (const [cluster] of line.matchAll(clusters)) if (cluster) put(cluster.normalize('NFC'), cluster.length)
    if (end) put('\n', end.length)
  }
  return { text: parts.join(''), map: map.build(source.length) }
}

/** Text taken out of markup, where there is no way back to keep. */
export const normalizeExtracted = (text: string): string =>
  cleaned(text).replaceAll('\r\n', '\n').replaceAll('\r', '\n').normalize('NFC')

const controls = /(?![\t\n\f\r])[\p{Cc}\ufeff]/gu

/** One for one, so that offsets stay. */
const cleaned = (text: string): string => text.toWellFormed().replace(controls, ' ')

function* lines(text: string): Generator<[line: string, end: string]> {
  let start = 0
  for (const match of text.matchAll(/\r\n|\r|\n/g)) {
    yield [text.slice(start, match.index), match[0]]
    start = match.index + match[0].length
  }
  if (start < text.length) yield [text.slice(start), '']
}
