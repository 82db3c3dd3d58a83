import { type Message } from '../../../shared/contract/chat'
import { largestFileBytes } from '../../composables/file-bytes'
import { MoruError } from '../../../shared/errors'

export type Attachment = Message['attachments'][number]

/** Characters of text that one file may bring (the contract's limit). */
export const attachmentLimit = 2_000_000
export const attachmentsPerMessage = 20
/** Bytes that are read at most: no encoding we read needs more than four bytes a character. */
const byteLimit = attachmentLimit * 4

/** Bytes as text: UTF-16 by its mark, UTF-8, else the Korean code page. Null where none fits. */
export function decodeText(bytes: Uint8Array): string | null {
  const mark =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : null
  for (const encoding of mark ? [mark] : ['utf-8', 'euc-kr']) {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
      return text.includes('\0') ? null : text
    } catch {
      continue
    }
  }
  return null
}

/** Gives the text of a document that is no text itself: the host's parsers. */
export type ReadDocument = (file: File) => Promise<string>

/** Endings of documents whose text has to be taken out of them. */
const documentEnding = /\.(pdf|docx|pptx|xlsx?|epub|hwpx?)$/i

/**
 * Reads a file as text.
 *
 * @throws MoruError invalid_input when it is too large; unsupported when it is no text; what reading a document throws
 */
export async function readAttachment(file: File, readDocument?: ReadDocument): Promise<Attachment> {
  const tooLarge = () =>
    new MoruError('invalid_input', `${file.name}: ${file.size.toLocaleString('en')} bytes`, {
      details: { why: 'too_large' },
    })
  const asDocument = readDocument !== undefined && documentEnding.test(file.name)
  if (file.size > (asDocument ? largestFileBytes : byteLimit)) throw tooLarge()
  const text = asDocument ? await readDocument(file) : decodeText(new Uint8Array(await file.arrayBuffer()))
  if (text === null) throw new MoruError('unsupported', file.name, { details: { why: 'not_text' } })
  if (text.length > attachmentLimit) throw tooLarge()
  return { name: file.name.slice(0, 300), text }
}
