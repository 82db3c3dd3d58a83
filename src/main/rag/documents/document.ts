/** What a document becomes before it is cut into chunks, and the bounds within which that happens. */
import { type Language } from './language'
import { type SourceMap } from './source-map'

export const documentTypes = [
  'text',
  'markdown',
  'html',
  'pdf',
  'docx',
  'pptx',
  'xlsx',
  'xls',
  'csv',
  'epub',
  'json',
  'jsonl',
  'code',
  'hwp',
  'hwpx',
] as const
export type DocumentType = (typeof documentTypes)[number]

export type BlockKind = 'heading' | 'paragraph' | 'list_item' | 'code' | 'table_header' | 'table_row'

/** A piece of structure: text.slice(start, end), in UTF-16 units. Blocks are in order and never overlap. */
export interface Block {
  kind: BlockKind
  /** Of a heading: 1 is the highest. */
  level?: number
  start: number
  end: number
  /** From 1; slides and sheets count as pages. Null where the format has none. */
  page: number | null
}

export interface ParsedDocument {
  /** From the document itself, else from its name. */
  title: string
  type: DocumentType
  language: Language
  /** NFC, lines end in \n, well-formed UTF-16. */
  text: string
  blocks: Block[]
  /** From offsets of `text` to those of the decoded file; null where the file is no text or the text was taken out of markup. */
  sourceMap: SourceMap | null
  /** Sentences for a person: what could not be read although the rest could. */
  warnings: string[]
}

export interface ParseLimits {
  /** Size of the file. */
  fileBytes: number
  /** Size of a file whose bytes are the text itself. */
  textBytes: number
  /** All that is unpacked from one file, nested archives included. */
  unpackedBytes: number
  zipEntries: number
  /** Length of the extracted text in UTF-16 units. */
  textLength: number
  pages: number
  timeMs: number
}

export const defaultLimits: ParseLimits = {
  fileBytes: 256 * 2 ** 20,
  textBytes: 64 * 2 ** 20,
  unpackedBytes: 512 * 2 ** 20,
  zipEntries: 20_000,
  textLength: 50_000_000,
  pages: 5000,
  timeMs: 60_000,
}

/** Where the document is. `name` decides between types that look alike, and is the title where the document has none. */
export type DocumentFile =
  { path: string; name?: string } | { bytes: Uint8Array; name: string; /** Of an HTTP answer. */ contentType?: string }

/** What every format gets: the bytes, and when to stop. */
export interface ParseInput {
  bytes: Uint8Array
  name: string
  contentType?: string
  limits: ParseLimits
  /** performance.now() at which a parser that can stop early should. */
  deadline: number
}

/** What a format gives; type, language and the fall-back title are added by the caller. */
export interface Extracted {
  title: string | null
  text: string
  blocks: Block[]
  sourceMap: SourceMap | null
  warnings: string[]
}
