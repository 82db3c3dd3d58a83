import { type Block, type BlockKind, type ParsedDocument } from '../document'
import { plain } from '../formats/markdown'
import { splitLong } from './long-pieces'
import { sentencesOf } from './sentences'

/** The smallest piece that a chunk is made of: a sentence, a line of code, a table row, a heading, or a part of one that is too long. */
export interface Unit {
  start: number
  end: number
  /** With the blanks before it, as it stands after its predecessor. */
  tokens: number
  kind: BlockKind
  /** Index of its block. */
  block: number
  page: number | null
  /** Titles from the highest heading down to the one it stands under, or is. */
  headings: string[]
  /** Rises with every heading. */
  section: number
  /** Of a table row: the table's header. */
  header: Header | null
}

export interface ChunkOptions {
  /** At most in a chunk, special tokens of the model not counted. */
  maxTokens: number
  /** Repeated from the chunk before, at most; half of `maxTokens` at the very most. */
  overlap: number
  /** Tokens of a text in the embedding model, without special tokens. */
  countTokens(text: string): number
}

export interface Header {
  start: number
  end: number
  tokens: number
}

type Range = { start: number; end: number }

const longestHeading = 200

/** All units of a document in order. Every stretch of text is given to `countTokens` once. */
export function unitsOf(
  { text, blocks, type }: Pick<ParsedDocument, 'text' | 'blocks' | 'type'>,
  { maxTokens, overlap, countTokens }: ChunkOptions,
): Unit[] {
  const units: Unit[] = []
  const stack: { level: number; title: string }[] = []
  let headings: string[] = []
  let section = 0
  let header: Header | null = null
  blocks.forEach((block, index) => {
    if (block.kind === 'heading') {
      const level = block.level ?? 1
      while (stack.length > 0 && stack.at(-1)!.level >= level) stack.pop()
      stack.push({ level, title: titleOf(text.slice(block.start, block.end), type) })
      headings = stack.map(({ title }) => title)
      section++
    }
    if (block.kind === 'table_header') header = headerOf(text, block, maxTokens, countTokens)
    else if (block.kind !== 'table_row') header = null
    const shared = { kind: block.kind, block: index, page: block.page, headings, section }
    const cells = block.kind === 'table_row' ? header : null
    const room = maxTokens - (cells?.tokens ?? 0)
    const add = (range: Range) => {
      const from = units.at(-1)?.end ?? range.start
      // What cannot fit is not counted whole: a tokenizer may be slow on it.
      const hopeless = range.end - range.start > maxTokens * 16
      const tokens = hopeless
        ? Infinity
        : countTokens(text.slice(range.start - from < 100 ? from : range.start, range.end))
      const unit = { ...range, ...shared, header: cells }
      if (tokens <= room) units.push({ ...unit, tokens })
      else if (text.slice(range.start, range.end).includes('\n'))
        for (const line of linesIn(text, range.start, range.end)) add(line)
      // The parts leave room for what the chunk before repeats.
      else units.push(...splitLong(text, unit, Math.max(1, room - overlap), countTokens))
    }
    for (const range of rangesOf(text, block)) add(range)
  })
  return units
}

function rangesOf(text: string, { kind, start, end }: Block): Range[] {
  if (kind === 'paragraph' || kind === 'list_item') return sentencesOf(text, start, end)
  return kind === 'code' ? linesIn(text, start, end) : [{ start, end }]
}

/** Lines with their indentation, without the blank ones. */
function linesIn(text: string, start: number, end: number): Range[] {
  const lines: Range[] = []
  for (let at = start; at < end;) {
    const found = text.indexOf('\n', at)
    const next = found < 0 || found > end ? end : found
    if (/\S/.test(text.slice(at, next))) lines.push({ start: at, end: next })
    at = next + 1
  }
  return lines
}

/** A header that would take half of every chunk is not repeated. */
function headerOf(
  text: string,
  { start, end }: Range,
  maxTokens: number,
  countTokens: (text: string) => number,
): Header | null {
  if (end - start > maxTokens * 4) return null
  const tokens = countTokens(`${text.slice(start, end)}\n`)
  return tokens <= maxTokens / 2 ? { start, end, tokens } : null
}

function titleOf(raw: string, type: ParsedDocument['type']): string {
  const title = type === 'markdown' ? plain(raw.replace(/^#{1,6}\s*|\s+#+\s*$|\n[=-]+\s*$/g, '')) : raw
  return title.replace(/\s+/g, ' ').trim().slice(0, longestHeading).toWellFormed()
}
