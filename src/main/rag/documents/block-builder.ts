import { type Block, type BlockKind, type Extracted } from './document'
import { normalizeExtracted } from './normalize'
import { documentError } from './problem'

interface BlockOptions {
  level?: number
  page?: number | null
}

/** Joins what a parser takes out of markup into one text with its blocks. Rows and list items stand on lines of their own, the rest in paragraphs. */
export class BlockBuilder {
  readonly #maxLength: number
  #parts: string[] = []
  #length = 0
  readonly blocks: Block[] = []
  readonly warnings: string[] = []

  /** `maxLength`: UTF-16 units; beyond it `add` throws `too_large`. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength
  }

  get length(): number {
    return this.#length
  }

  /** Adds a block; one without anything but blanks is left out. Code keeps its blanks, other text has single ones. */
  add(kind: BlockKind, raw: string, { level, page = null }: BlockOptions = {}): void {
    const text = kind === 'code' ? normalizeExtracted(raw).replace(/^\n+|\s+$/g, '') : tidy(normalizeExtracted(raw))
    if (!/\S/.test(text)) return
    const last = this.blocks.at(-1)
    if (last) this.#put(closeTogether(last.kind, kind) ? '\n' : '\n\n')
    const start = this.#length
    this.#put(text)
    this.blocks.push({ kind, ...(level !== undefined && { level }), start, end: this.#length, page })
  }

  /** The text of the first heading, or null. */
  firstHeading(): string | null {
    const heading = this.blocks.find(({ kind }) => kind === 'heading')
    return heading ? this.#parts.join('').slice(heading.start, heading.end) : null
  }

  /** A row of cells; empty rows are left out. */
  addRow(kind: 'table_header' | 'table_row', cells: string[], page: number | null = null): void {
    if (cells.every((cell) => !/\S/.test(cell))) return
    const flat = cells.map((cell) => cell.replace(/\s+/g, ' ').trim())
    while (flat.at(-1) === '') flat.pop()
    this.add(kind, flat.join(' | '), { page })
  }

  finish(title: string | null): Extracted {
    const named = title && tidy(normalizeExtracted(title)).replace(/\s+/g, ' ')
    return {
      title: named || null,
      text: this.#parts.join(''),
      blocks: this.blocks,
      sourceMap: null,
      warnings: this.warnings,
    }
  }

  #put(text: string): void {
    this.#parts.push(text)
    this.#length += text.length
    if (this.#length > this.#maxLength)
      throw documentError(
        'too_large',
        `Its text is longer than ${this.#maxLength.toLocaleString('en')} characters. Split the document.`,
      )
  }
}

const rows = new Set<BlockKind>(['table_header', 'table_row'])
const closeTogether = (before: BlockKind, after: BlockKind) =>
  (rows.has(before) && after === 'table_row') || (before === 'list_item' && after === 'list_item')

/** Single blanks, single line ends, none at the ends. */
const tidy = (text: string): string =>
  text
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n[\n ]*/g, '\n')
    .trim()
