/** Errors about files from outside: they name the file, the field and the byte, and say what to do. */
import { basename } from 'node:path'
import { MoruError, type ErrorCode } from '../../../shared/errors'

/** Where in which file something was found. `offset` counts bytes from the start of the file. */
export interface Place {
  path: string
  field: string
  offset: number
}

const damaged = 'The file is damaged or incomplete: download it again.'

function fileError(code: ErrorCode, place: Place, problem: string, remedy: string): MoruError {
  const at = place.offset.toLocaleString('en-US')
  return new MoruError(code, `${basename(place.path)}: ${place.field} at byte ${at}: ${problem}. ${remedy}`, {
    details: { ...place },
  })
}

/** The file breaks the rules of its format. `problem` has no full stop. */
export function invalidFile(place: Place, problem: string, remedy = damaged): MoruError {
  return fileError('invalid_file', place, problem, remedy)
}

/** The file is well-formed, but holds something Moru does not read. */
export function unsupportedFile(
  place: Place,
  problem: string,
  remedy = 'docs/formats.md lists what Moru reads.',
): MoruError {
  return fileError('unsupported', place, problem, remedy)
}

/** What keeps a file from being addressed at all: a name no file may have, a set of files that do not belong together. */
export function invalidSet(path: string, problem: string, remedy: string): MoruError {
  return new MoruError('invalid_file', `${basename(path)}: ${problem}. ${remedy}`, { details: { path } })
}

/** A count, length or number for a message, with thousands separated. */
export function figure(value: number | bigint): string {
  return value.toLocaleString('en-US')
}

/** Foreign text for a message: quoted, cut at 80 characters, and with nothing in it that could steer a terminal. */
export function quoted(text: string): string {
  return printable(JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text))
}

/** Control, formatting and unassigned characters as escapes. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
