import { CsvError, parse } from 'csv-parse/sync'
import { type Block, type Extracted, type ParseInput } from '../document'
import { normalizeText } from '../normalize'
import { documentError } from '../problem'
import { SourceMapBuilder, sourceOffset } from '../source-map'
import { parsePlainText } from './plain-text'

interface Row {
  record: string[]
  raw: string
}

/** Comma-, semicolon-, tab- or bar-separated values (RFC 4180): a row a block, cells joined by " | ". */
export function parseCsv(source: string, { limits }: ParseInput): Extracted {
  const { text, map } = normalizeText(source)
  const rows = rowsOf(text)
  if (!rows) {
    const plain = parsePlainText(source)
    plain.warnings.push('Its quotation marks do not match, so it was read as plain text.')
    return plain
  }
  const anchors = new SourceMapBuilder()
  const blocks: Block[] = []
  const parts: string[] = []
  let at = 0
  let searched = 0
  for (const { record, raw } of rows) {
    const line = record.map((cell) => cell.replace(/\s+/g, ' ').trim()).join(' | ')
    const content = raw.trim()
    const found = text.indexOf(content, searched)
    if (found >= 0) {
      searched = found + content.length
      anchors.anchor(at, sourceOffset(map, found))
    }
    const header = blocks.length === 0 && isHeader(record)
    blocks.push({ kind: header ? 'table_header' : 'table_row', start: at, end: at + line.length, page: null })
    parts.push(line)
    at += line.length + 1
    if (at > limits.textLength)
      throw documentError('too_large', `Its text is longer than ${limits.textLength} characters.`)
  }
  const warnings = blocks.length === 0 ? ['The table is empty.'] : []
  return { title: null, text: parts.join('\n'), blocks, sourceMap: anchors.build(source.length), warnings }
}

/** Null where a quotation mark that never closes swallows the rest. */
function rowsOf(text: string): Row[] | null {
  try {
    return parse(text, {
      delimiter: delimiterOf(text),
      raw: true,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      max_record_size: 1_000_000,
    }) as unknown as Row[]
  } catch (error) {
    if (error instanceof CsvError) return null
    throw error
  }
}

/** The separator that gives the first lines the most and the same number of cells. */
function delimiterOf(text: string): string {
  const lines = text
    .slice(0, 20_000)
    .split('\n')
    .filter((line) => line.trim())
    .slice(0, 10)
  const scores = [',', '\t', ';', '|'].map((delimiter) => {
    const counts = lines.map((line) => unquoted(line).split(delimiter).length - 1)
    const most = Math.max(...counts, 0)
    const alike = counts.filter((count) => count === counts[0] && count > 0).length
    return { delimiter, score: most === 0 ? 0 : alike * 100 + most }
  })
  return scores.reduce((best, next) => (next.score > best.score ? next : best)).delimiter
}

const unquoted = (line: string): string => line.replace(/"[^"]*"/g, '')

/** A first row of names: every cell filled, none of them a number or a date. */
export const isHeader = (cells: string[]): boolean =>
  cells.length > 0 &&
  cells.every((cell) => /\p{L}/u.test(cell) && cell.length <= 60 && !/^\d{4}[-./년]/.test(cell.trim()))
