import { type ErrorCode, MoruError } from '../../../shared/errors'

/** Why a file is not in the index, in `details.reason` of the error. */
export type DocumentProblem =
  | 'not_a_document' // an image, a program, unknown bytes, a folder, a device
  | 'scanned' // pages are pictures without text
  | 'encrypted' // a password or rights management
  | 'too_large' // beyond a limit of size or count
  | 'broken' // damaged, or not what it says it is
  | 'unreadable' // the operating system refused
  | 'time_limit'
  | 'memory_limit'
  | 'crashed'

const codes: Record<DocumentProblem, ErrorCode> = {
  not_a_document: 'unsupported',
  scanned: 'unsupported',
  encrypted: 'unsupported',
  too_large: 'invalid_file',
  broken: 'invalid_file',
  unreadable: 'io',
  time_limit: 'invalid_file',
  memory_limit: 'invalid_file',
  crashed: 'invalid_file',
}

/** The error for a file that cannot be indexed. `message`: sentences for a person, which the report shows beside the path. */
export function documentError(reason: DocumentProblem, message: string, cause?: unknown): MoruError {
  return new MoruError(codes[reason], message, { details: { reason }, cause })
}

/** The problem that an error of this folder names, or null for any other error. */
export function problemOf(error: unknown): DocumentProblem | null {
  const reason = error instanceof MoruError ? error.details?.reason : undefined
  return typeof reason === 'string' && reason in codes ? (reason as DocumentProblem) : null
}

/** A library's complaint about a file, as ours: short, without paths or stacks. */
export function brokenFile(what: string, thrown: unknown): MoruError {
  if (thrown instanceof MoruError) return thrown
  if (thrown instanceof RangeError && /call stack/.test(thrown.message))
    return documentError('broken', `This ${what} is nested too deeply to be read.`, thrown)
  const said = thrown instanceof Error ? thrown.message.split('\n')[0].slice(0, 200) : String(thrown).slice(0, 200)
  return documentError('broken', `This ${what} is damaged or is not one: ${said.replace(/\.$/, '')}.`, thrown)
}
