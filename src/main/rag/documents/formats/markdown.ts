import { type Block, type Extracted } from '../document'
import { normalizeText } from '../normalize'
import { isBlank, type Line, linesOf } from './lines'
import { trimmedEnd, trimmedStart } from './plain-text'

const heading = /^ {0,3}(#{1,6})(?:\s+(.*?))?(?:\s+#+)?\s*$/
const fence = /^ {0,3}(`{3,}|~{3,})([^`]*)$/
const listItem = /^\s*([-*+]|\d{1,9}[.)])\s+\S/
const tableRule = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/
const thematicBreak = /^ {0,3}([-*_])(\s*\1){2,}\s*$/
const underline = /^ {0,3}(=+|-+)\s*$/

/** Markdown (CommonMark's blocks and GFM's tables) kept as its source, with the ranges of its blocks. */
export function parseMarkdown(source: string): Extracted {
  const { text, map } = normalizeText(source)
  const scan = new MarkdownScan(linesOf(text))
  scan.run()
  return { title: scan.title, text, blocks: scan.blocks, sourceMap: map, warnings: [] }
}

class MarkdownScan {
  readonly blocks: Block[] = []
  title: string | null = null
  readonly #lines: Line[]
  #at = 0

  constructor(lines: Line[]) {
    this.#lines = lines
  }

  run(): void {
    this.#frontMatter()
    while (this.#at < this.#lines.length) {
      const line = this.#lines[this.#at]
      if (isBlank(line) || thematicBreak.test(line.text)) this.#at++
      else if (!(this.#heading(line) || this.#code(line) || this.#table(line))) this.#paragraph(line)
    }
  }

  #push(kind: Block['kind'], first: Line, last: Line, level?: number): void {
    const start = kind === 'code' ? first.start : trimmedStart(first)
    this.blocks.push({ kind, ...(level && { level }), start, end: trimmedEnd(last), page: null })
  }

  #frontMatter(): void {
    if (this.#lines[0]?.text.trim() !== '---') return
    const end = this.#lines.findIndex((line, i) => i > 0 && /^(---|\.\.\.)\s*$/.test(line.text))
    if (end < 0 || end > 200) return
    for (const { text } of this.#lines.slice(1, end))
      this.title ??= /^title\s*:\s*["']?(.+?)["']?\s*$/i.exec(text)?.[1] ?? null
    this.#at = end + 1
  }

  #heading(line: Line): boolean {
    const match = heading.exec(line.text)
    if (!match) return false
    this.#addHeading(line, line, match[1].length, match[2] ?? '')
    this.#at++
    return true
  }

  #addHeading(first: Line, last: Line, level: number, title: string): void {
    if (level === 1) this.title ??= plain(title) || null
    this.#push('heading', first, last, level)
  }

  /** To the closing fence, or, as CommonMark has it, to the end of the document. */
  #code(line: Line): boolean {
    const mark = fence.exec(line.text)?.[1]
    if (!mark) return false
    let last = this.#at
    do last++
    while (last < this.#lines.length && !closes(this.#lines[last].text, mark))
    const end = Math.min(last, this.#lines.length - 1)
    this.#push('code', line, this.#lines[end])
    this.#at = end + 1
    return true
  }

  #table(line: Line): boolean {
    const rule = this.#lines[this.#at + 1]
    if (!line.text.includes('|') || !rule || !tableRule.test(rule.text) || !rule.text.includes('-')) return false
    this.#push('table_header', line, rule)
    this.#at += 2
    for (let row = this.#lines[this.#at]; row && !isBlank(row) && row.text.includes('|'); row = this.#lines[++this.#at])
      this.#push('table_row', row, row)
    return true
  }

  #paragraph(first: Line): void {
    const kind = listItem.test(first.text) ? 'list_item' : 'paragraph'
    let last = first
    for (this.#at++; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at]
      if (kind === 'paragraph' && underline.test(line.text)) {
        this.#addHeading(first, line, line.text.includes('=') ? 1 : 2, first.text)
        this.#at++
        return
      }
      if (this.#interrupts(line)) break
      last = line
    }
    this.#push(kind, first, last)
  }

  #interrupts(line: Line): boolean {
    const { text } = line
    if (isBlank(line) || heading.test(text) || fence.test(text) || thematicBreak.test(text) || listItem.test(text))
      return true
    const next = this.#lines[this.#at + 1]
    return text.includes('|') && next !== undefined && next.text.includes('-') && tableRule.test(next.text)
  }
}

const closes = (text: string, mark: string): boolean => {
  const line = text.trim()
  return line.length >= mark.length && line === mark[0].repeat(line.length)
}

/** A heading's words without its marks. */
export const plain = (markdown: string): string =>
  markdown
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/(\*\*|__|\*|`|~~)(.+?)\1/g, '$2')
    .replace(/<[^>]+>/g, '')
    .trim()
