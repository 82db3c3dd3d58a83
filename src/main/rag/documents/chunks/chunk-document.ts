import { MoruError } from '../../../../shared/errors'
import { combines } from '../blanks'
import { type ParsedDocument } from '../document'
import { type ChunkOptions, type Header, type Unit, unitsOf } from './units'

export interface Chunk {
  /** text.slice(start, end) of the document, in UTF-16 units; chunks overlap where sentences are repeated. */
  start: number
  end: number
  /** What is embedded and searched: the slice, behind the table's header where the slice begins inside a table. */
  text: string
  /** Length of that header with its line end; text.slice(headerLength) is the slice. */
  headerLength: number
  /** Sum of the counts of its parts: no less than the count of the whole, up to a token or so. */
  tokens: number
  /** Page where it begins. */
  page: number | null
  /** Titles from the highest heading down. */
  headings: string[]
}

// A heading opens a new chunk once the one before it is worth standing alone.
const enoughAlone = 0.25
// Rather end before a paragraph than inside it, if so much of the chunk is filled.
const enoughFilled = 0.6
// Code suffers more from being cut.
const enoughBeforeCode = 0.3

/**
 * Cuts a document along its structure: headings open chunks, paragraphs, code blocks and rows stay whole where they fit,
 * sentences always do unless one alone is longer than a chunk. Linear in the text. Throws `invalid_input`.
 */
export function chunkDocument(
  document: Pick<ParsedDocument, 'text' | 'blocks' | 'type'>,
  options: ChunkOptions,
): Chunk[] {
  const { maxTokens, overlap, countTokens } = options
  if (!(maxTokens >= 1)) throw new MoruError('invalid_input', `Chunks of ${maxTokens} tokens cannot hold any text.`)
  const repeated = Math.max(0, Math.min(overlap, Math.floor(maxTokens / 2)))
  const units = unitsOf(document, { maxTokens, overlap: repeated, countTokens })
  const packer = new Packer(document.text, units, { ...options, overlap: repeated })
  return packer.run()
}

class Packer {
  readonly #text: string
  readonly #units: Unit[]
  readonly #options: ChunkOptions

  constructor(text: string, units: Unit[], options: ChunkOptions) {
    this.#text = text
    this.#units = units
    this.#options = options
  }

  run(): Chunk[] {
    const chunks: Chunk[] = []
    let lead: Unit[] = []
    for (let first = 0; first < this.#units.length;) {
      const room = this.#options.maxTokens - this.#units[first].tokens
      while (sum(lead) > room) lead = lead.slice(1)
      const end = this.#endOf(first, sum(lead))
      const units = [...lead, ...this.#units.slice(first, end)]
      chunks.push(this.#chunk(units))
      lead = this.#overlap(units, end)
      first = end
    }
    return chunks
  }

  /** Index after the last unit of a chunk whose first new unit is `first` and that holds `used` tokens already. */
  #endOf(first: number, used: number): number {
    const { maxTokens } = this.#options
    const units = this.#units
    let tokens = used + (units[first].header?.tokens ?? 0)
    let end = first
    while (end < units.length && tokens + units[end].tokens <= maxTokens) {
      if (end > first && this.#opensChunk(end, tokens)) return end
      tokens += units[end++].tokens
    }
    if (end === first) return first + 1
    return end === units.length ? end : this.#betterEnd(first, end, tokens)
  }

  #opensChunk(index: number, tokens: number): boolean {
    const [before, unit] = [this.#units[index - 1], this.#units[index]]
    return unit.kind === 'heading' && before.kind !== 'heading' && tokens >= this.#options.maxTokens * enoughAlone
  }

  /** Earlier than the space allows: not behind a heading, and not inside a block that could begin the next chunk whole. */
  #betterEnd(first: number, end: number, tokens: number): number {
    const units = this.#units
    const { block, kind } = units[end]
    let start = end
    while (start > first && units[start - 1].block === block) start--
    if (start > first && start < end) {
      const filled = tokens - sum(units.slice(start, end))
      const enough = kind === 'code' ? enoughBeforeCode : enoughFilled
      if (filled >= this.#options.maxTokens * enough && this.#fits(start)) end = start
    }
    let last = end
    while (last > first && units[last - 1].kind === 'heading') last--
    return last > first ? last : end
  }

  /** Whether the block that begins at this unit fits into a chunk. */
  #fits(start: number): boolean {
    const { block } = this.#units[start]
    let tokens = 0
    for (let i = start; this.#units[i]?.block === block && tokens <= this.#options.maxTokens; i++)
      tokens += this.#units[i].tokens
    return tokens <= this.#options.maxTokens
  }

  /** The last sentences of a chunk that the next one begins with; where even one is too long, its last words. */
  #overlap(units: Unit[], next: number): Unit[] {
    const last = units.at(-1)!
    const following = this.#units[next]
    if (!following || following.section !== last.section || last.header || this.#options.overlap < 1) return []
    let from = units.length
    let tokens = 0
    while (from > 1 && repeatable(units[from - 1]) && tokens + units[from - 1].tokens <= this.#options.overlap)
      tokens += units[--from].tokens
    if (from < units.length) return units.slice(from)
    return repeatable(last) ? this.#lastWords(last) : []
  }

  #lastWords(unit: Unit): Unit[] {
    const { overlap, countTokens } = this.#options
    let start = unit.end
    let tokens = 0
    for (const word of wordsBackwards(this.#text, unit)) {
      const more = countTokens(this.#text.slice(word, start))
      if (tokens + more > overlap) break
      tokens += more
      start = word
    }
    return start > unit.start && start < unit.end ? [{ ...unit, start, tokens }] : []
  }

  #chunk(units: Unit[]): Chunk {
    const [first, last] = [units[0], units.at(-1)!]
    const header = first.header && this.#text.slice(first.header.start, first.header.end) + '\n'
    const body = units.find(({ kind }) => kind !== 'heading') ?? last
    return {
      start: first.start,
      end: last.end,
      text: (header ?? '') + this.#text.slice(first.start, last.end),
      headerLength: header?.length ?? 0,
      tokens: sum(units) + ((first.header as Header | null) ?? { tokens: 0 }).tokens,
      page: first.page,
      headings: body.headings,
    }
  }
}

const sum = (units: Unit[]): number => units.reduce((tokens, unit) => tokens + unit.tokens, 0)
const repeatable = ({ kind }: Unit): boolean => kind !== 'heading' && kind !== 'table_row' && kind !== 'table_header'

/** Where the words of a unit begin, last word first. */
function* wordsBackwards(text: string, { start, end }: Unit): Generator<number> {
  for (let at = end; at > start;) {
    while (at > start && /\s/.test(text[at - 1])) at--
    while (at > start && !/\s/.test(text[at - 1])) at--
    // A mark behind a blank combines with it.
    if (!combines(text, at)) yield at
  }
}
