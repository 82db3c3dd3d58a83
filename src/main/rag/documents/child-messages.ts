/** What a parser child and its parent say to each other. */
import { type ErrorShape } from '../../../shared/errors'
import { type DocumentFile, type ParsedDocument, type ParseLimits } from './document'

export interface ParseRequest {
  id: number
  file: DocumentFile
  limits: ParseLimits
}

export type ParseReply =
  | { id: number; ok: true; document: ParsedDocument; rssBytes: number }
  | { id: number; ok: false; error: ErrorShape; rssBytes: number }

/** The child writes this to standard error before it ends itself; V8 says "heap out of memory" on its own. */
export const memoryNotice = 'parser: memory limit'
/** Environment variable: resident bytes at which the child ends itself. */
export const memoryVariable = 'MORU_PARSER_RSS_BYTES'
/** How long after its time limit a child that nobody kills ends itself. */
export const graceMs = 5000
