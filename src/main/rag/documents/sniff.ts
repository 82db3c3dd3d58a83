import { type DocumentType, type ParseLimits } from './document'
import { documentError } from './problem'
import { ZipArchive } from './zip'

/** The first bytes of files that are no documents, as Latin-1; a question mark stands for any byte. */
const foreign: [what: string, ...signatures: string[]][] = [
  ['a PNG image', '\x89PNG\r\n'],
  ['a JPEG image', '\xff\xd8\xff'],
  ['a GIF image', 'GIF87a', 'GIF89a'],
  ['a WebP image', 'RIFF????WEBP'],
  ['a BMP image', 'BM????\0\0\0\0'],
  ['a TIFF image', 'II*\0', 'MM\0*'],
  ['a HEIF image or MP4 video', '????ftyp'],
  ['a Photoshop image', '8BPS'],
  ['an icon', '\0\0\x01\0', '\0\0\x02\0'],
  ['an audio file', 'ID3', 'OggS', 'fLaC', 'RIFF????WAVE', '\xff\xfb', '\xff\xf3', '\xff\xf2'],
  ['a video', '\x1aE\xdf\xa3', 'RIFF????AVI ', '\0\0\x01\xba'],
  ['a program', 'MZ??\0', 'MZ\x90', '\x7fELF', '\xca\xfe\xba\xbe', '\xcf\xfa\xed\xfe', '\xce\xfa\xed\xfe'],
  ['a WebAssembly module', '\0asm'],
  ['a database', 'SQLite format 3\0'],
  ['a model file', 'GGUF'],
  [
    'an archive. Unpack it first',
    '\x1f\x8b',
    '7z\xbc\xaf',
    'Rar!\x1a',
    'BZh',
    '\xfd7zXZ',
    '\x28\xb5\x2f\xfd',
    'MSCF\0',
  ],
  ['a font', 'wOFF', 'wOF2', 'OTTO', '\0\x01\0\0\0', 'ttcf'],
  ['an RTF document. Save it as DOCX', '{\\rtf'],
  ['a PostScript file. Save it as PDF', '%!PS'],
]

const startsWith = (head: string, signature: string): boolean =>
  [...signature].every((byte, i) => byte === '?' || head[i] === byte)

/** The type by the bytes alone, or null where they may be text. Throws `not_a_document`, `encrypted` and, for archives, `broken`. */
export function sniffBinary(bytes: Uint8Array, limits: ParseLimits): DocumentType | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1100)).toString('latin1')
  if (head.slice(0, 1024 + 5).includes('%PDF-')) return 'pdf'
  if (head.startsWith('PK\x03\x04') || head.startsWith('PK\x05\x06')) return sniffZip(new ZipArchive(bytes, limits))
  if (head.startsWith('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1')) return sniffCompound(bytes)
  if (head.startsWith('HWP Document File V')) return 'hwp'
  const known = foreign.find(([, ...signatures]) => signatures.some((signature) => startsWith(head, signature)))
  if (known)
    throw documentError('not_a_document', `It is ${known[0]}${known[0].includes('. ') ? '.' : ', not a document.'}`)
  return null
}

function sniffZip(zip: ZipArchive): DocumentType {
  const mime = zip.has('mimetype') ? zip.text('mimetype').trim() : ''
  if (mime === 'application/epub+zip' || zip.has('META-INF/container.xml')) {
    // HWPX has a container.xml as well, and says what it is.
    if (/hwp/.test(mime) || zip.has('Contents/header.xml')) return 'hwpx'
    return 'epub'
  }
  if (/hwp/.test(mime) || zip.has('Contents/content.hpf')) return 'hwpx'
  const starts = (folder: string) => zip.names.some((name) => name.startsWith(folder))
  if (starts('word/')) return 'docx'
  if (starts('ppt/')) return 'pptx'
  if (starts('xl/')) return 'xlsx'
  if (mime.includes('opendocument'))
    throw documentError('not_a_document', 'It is an OpenDocument file. Save it as DOCX, PPTX or XLSX.')
  throw documentError('not_a_document', 'It is an archive, not a document. Unpack it first.')
}

/** Compound files are told apart by the names of their streams, which stand in them as UTF-16. */
function sniffCompound(bytes: Uint8Array): DocumentType {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const has = (name: string) => buffer.includes(Buffer.from(name, 'utf16le'))
  if (has('EncryptedPackage'))
    throw documentError('encrypted', 'The document is protected by a password. Save it without one.')
  if (has('FileHeader') && (has('BodyText') || has('ViewText') || has('DocInfo'))) return 'hwp'
  if (has('Workbook') || has('Book')) return 'xls'
  if (has('WordDocument'))
    throw documentError('not_a_document', 'It is a Word document of the old binary kind. Save it as DOCX.')
  if (has('PowerPoint Document'))
    throw documentError('not_a_document', 'It is a presentation of the old binary kind. Save it as PPTX.')
  throw documentError('not_a_document', 'It is a compound file of a kind that Moru does not read.')
}

const byExtension: Partial<Record<DocumentType, string>> = {
  markdown: 'md markdown mdown mkd mdx',
  html: 'html htm xhtml xht',
  csv: 'csv tsv tab',
  json: 'json geojson webmanifest ipynb',
  jsonl: 'jsonl ndjson',
  code:
    'ts tsx mts cts js jsx mjs cjs vue svelte py pyi rb go rs c h cc cpp cxx hpp hh cs java kt kts scala swift m mm php pl pm lua r jl ' +
    'hs ml mli ex exs erl clj cljs lisp el scm dart zig nim v vhd sv sh bash zsh fish ps1 bat cmd sql graphql proto wgsl glsl hlsl ' +
    'metal cu asm s css scss sass less xml xsl xsd svg yaml yml toml ini cfg conf properties gradle cmake mk dockerfile makefile tf nix',
  text: 'txt text log rst adoc asciidoc org tex srt vtt nfo',
}
const extensions = new Map(
  Object.entries(byExtension).flatMap(([type, list]) => list.split(' ').map((e) => [e, type as DocumentType] as const)),
)

/** The part of a name after its last dot, lower case; a name without one stands for itself (Makefile). */
export const extensionOf = (name: string): string => name.split(/[\\/]/).at(-1)!.toLowerCase().split('.').at(-1)!

/** The type of a text: markup that announces itself first, then the name, then the shape of the content. */
export function sniffText(text: string, name: string, contentType = ''): DocumentType {
  const head = text.slice(0, 2000).trimStart()
  const named = extensions.get(extensionOf(name))
  if (/^(<!--[^]*?-->\s*|<\?xml[^>]*>\s*)*<(!doctype html|html[\s>])/i.test(head)) return 'html'
  if (named) return named
  if (/html/i.test(contentType)) return 'html'
  if (/^#!/.test(head)) return 'code'
  const json = jsonShape(text, head)
  if (json) return json
  if (/markdown/i.test(contentType)) return 'markdown'
  return /csv/i.test(contentType) ? 'csv' : 'text'
}

/** JSON by its content: the whole text, or its first line as of a file of one value a line. */
function jsonShape(text: string, head: string): 'json' | 'jsonl' | null {
  if (!/^[[{]/.test(head) || text.length > 10_000_000) return null
  if (isJson(text)) return 'json'
  return head.includes('\n') && isJson(head.split('\n')[0]) ? 'jsonl' : null
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
