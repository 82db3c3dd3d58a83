/** Bytes to document: finds the type and calls its format. Runs in the parser child. */
import { basename, extname } from 'node:path'
import {
  type DocumentFile,
  type DocumentType,
  type Extracted,
  type ParsedDocument,
  type ParseInput,
  type ParseLimits,
} from './document'
import { decodeText, type Decoded } from './encoding'
import { languageOf } from './language'
import { brokenFile, documentError } from './problem'
import { readDocumentFile } from './read-file'
import { extensionOf, sniffBinary, sniffText } from './sniff'

type BinaryFormat = (input: ParseInput) => Promise<Extracted>
type TextFormat = (text: string, input: ParseInput) => Promise<Extracted> | Extracted

// Loaded when first met: most folders hold few types, and some of the libraries take a third of a second.
const binaryFormats: Partial<Record<DocumentType, () => Promise<BinaryFormat>>> = {
  pdf: async () => (await import('./formats/pdf')).parsePdf,
  docx: async () => (await import('./formats/docx')).parseDocx,
  pptx: async () => (await import('./formats/pptx')).parsePptx,
  xlsx: async () => (await import('./formats/spreadsheet')).parseXlsx,
  xls: async () => (await import('./formats/spreadsheet')).parseXls,
  epub: async () => (await import('./formats/epub')).parseEpub,
  hwp: async () => (await import('./formats/hwp')).parseHwp,
  hwpx: async () => (await import('./formats/hwp')).parseHwpx,
}
const textFormats: Partial<Record<DocumentType, () => Promise<TextFormat>>> = {
  text: async () => (await import('./formats/plain-text')).parsePlainText,
  code: async () => (await import('./formats/code')).parseCode,
  markdown: async () => (await import('./formats/markdown')).parseMarkdown,
  html: async () => (await import('./formats/html')).parseHtml,
  csv: async () => (await import('./formats/csv')).parseCsv,
  json: async () => (await import('./formats/json')).parseJson,
  jsonl: async () => (await import('./formats/json')).parseJsonLines,
}

/** Throws a MoruError with a DocumentProblem as reason. */
export async function parseFile(file: DocumentFile, limits: ParseLimits): Promise<ParsedDocument> {
  const name = file.name ?? ('path' in file ? basename(file.path) : '')
  const bytes = 'path' in file ? readDocumentFile(file.path, limits) : file.bytes
  if (bytes.length > limits.fileBytes)
    throw documentError('too_large', `It is larger than ${limits.fileBytes} bytes, the limit.`)
  const contentType = 'contentType' in file ? file.contentType : undefined
  const input = { bytes, name, contentType, limits, deadline: performance.now() + limits.timeMs * 0.9 }
  const [type, extracted] = await extract(input)
  if (extracted.text.length > limits.textLength)
    throw documentError('too_large', `Its text is longer than ${limits.textLength} characters, the limit.`)
  if (!/\S/.test(extracted.text)) extracted.warnings.push('It holds no text.')
  const title = extracted.title?.slice(0, 500) || titleFromName(name)
  return { ...extracted, title, type, language: languageOf(extracted.text) }
}

async function extract(input: ParseInput): Promise<[DocumentType, Extracted]> {
  const binary = sniffBinary(input.bytes, input.limits)
  if (binary) {
    const parse = await binaryFormats[binary]!()
    return [binary, await guarded(binary, () => parse(input))]
  }
  const { text } = decode(input)
  const type = sniffText(text, input.name, input.contentType)
  const parse = await textFormats[type]!()
  return [type, await guarded(type, async () => parse(text, input))]
}

/** What a library throws about a file is the file's fault until shown otherwise, and never a stack trace. */
async function guarded(type: DocumentType, parse: () => Promise<Extracted>): Promise<Extracted> {
  try {
    return await parse()
  } catch (error) {
    throw brokenFile(`${type.toUpperCase()} file`, error)
  }
}

function decode({ bytes, name, contentType, limits }: ParseInput): Decoded {
  const megabytes = (n: number) => Math.round(n / 2 ** 20)
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096)).toString('latin1')
  const declared =
    /charset\s*=\s*["']?([\w-]+)/i.exec(contentType ?? '') ?? /<meta[^>]*charset\s*=\s*["']?([\w-]+)/i.exec(head)
  // Enough of one that is too large to say whether it is text at all.
  const decoded = decodeText(bytes.length > limits.textBytes ? bytes.subarray(0, 65_536) : bytes, declared?.[1])
  if (!decoded) {
    const extension = extensionOf(name)
    const binary = ['pdf', 'docx', 'pptx', 'xlsx', 'xls', 'epub', 'hwp', 'hwpx'].includes(extension)
    if (binary) throw documentError('broken', `It is named .${extension}, but its bytes are not of that format.`)
    throw documentError('not_a_document', 'Its bytes are neither text nor a document format that Moru knows.')
  }
  if (bytes.length > limits.textBytes)
    throw documentError(
      'too_large',
      `It has ${megabytes(bytes.length)} MB of text; ${megabytes(limits.textBytes)} MB are the limit. Split it.`,
    )
  return decoded
}

const titleFromName = (name: string): string =>
  basename(name, extname(name)).normalize('NFC').replace(/_/g, ' ').trim() || 'Untitled'
