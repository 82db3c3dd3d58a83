import { isUtf8 } from 'node:buffer'
import { inflateRawSync } from 'node:zlib'
import { strToU8, zipSync } from 'fflate'
import { type ParseLimits } from './document'
import { documentError } from './problem'
import { refuseEntities } from './xml'

interface Entry {
  name: string
  method: number
  encrypted: boolean
  packed: number
  unpacked: number
  /** Of its local header. */
  offset: number
}

const endRecord = 0x06054b50
const centralRecord = 0x02014b50
const localRecord = 0x04034b50

/**
 * A ZIP archive in memory, read with distrust: counts and declared sizes are checked before anything is unpacked, and
 * nothing unpacks to more than it declared. Archives inside the archive stay closed. Format: APPNOTE.TXT 6.3, without ZIP64.
 */
export class ZipArchive {
  readonly #bytes: Buffer
  readonly #entries = new Map<string, Entry>()
  #budget: number

  /** Throws `broken` and `too_large`. */
  constructor(bytes: Uint8Array, limits: Pick<ParseLimits, 'unpackedBytes' | 'zipEntries'>) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#budget = limits.unpackedBytes
    this.#readDirectory(limits)
  }

  get names(): string[] {
    return [...this.#entries.keys()]
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }

  /** The unpacked bytes of an entry. Throws `broken`, `encrypted` and `too_large`; `not there` is broken as well. */
  read(name: string): Buffer {
    const entry = this.#entries.get(name)
    if (!entry) throw documentError('broken', `The archive lacks its part ${name}. Save the document again.`)
    if (entry.encrypted)
      throw documentError('encrypted', 'The archive is protected by a password. Save it without one.')
    this.#budget -= entry.unpacked
    if (this.#budget < 0) throw tooLarge(name)
    return this.#unpack(entry)
  }

  text(name: string): string {
    return decodeXml(this.read(name))
  }

  /**
   * A new archive of the text parts that `keep` names, stored plainly, in UTF-8 and free of entities of their own: safe for
   * libraries that unpack and expand without limits.
   */
  repackText(keep: (name: string) => boolean): Uint8Array {
    const parts: Record<string, Uint8Array> = {}
    for (const name of this.names.filter((name) => keep(name) && !name.endsWith('/'))) {
      const bytes = this.read(name)
      const text = decodeXml(bytes)
      refuseEntities(text)
      parts[name] = isUtf8(bytes) ? bytes : strToU8(text.replace(/(<\?xml[^>]*encoding=["'])[^"']+/, '$1UTF-8'))
    }
    return zipSync(parts, { level: 0 })
  }

  #readDirectory(limits: Pick<ParseLimits, 'unpackedBytes' | 'zipEntries'>): void {
    const bytes = this.#bytes
    const end = findEnd(bytes)
    const count = bytes.readUInt16LE(end + 10)
    let at = bytes.readUInt32LE(end + 16)
    if (count === 0xffff || at === 0xffffffff)
      throw documentError('too_large', 'It is a ZIP64 archive: larger than any document that Moru reads.')
    if (count > limits.zipEntries)
      throw documentError('too_large', `The archive has ${count} parts; ${limits.zipEntries} are the limit.`)
    let declared = 0
    for (let i = 0; i < count; i++) {
      if (at + 46 > end || bytes.readUInt32LE(at) !== centralRecord) throw cut(`entry ${i + 1} of ${count}`)
      const [nameLength, extra, comment] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field))
      const entry = {
        name: bytes.toString('utf8', at + 46, at + 46 + nameLength).replaceAll('\\', '/'),
        method: bytes.readUInt16LE(at + 10),
        encrypted: (bytes.readUInt16LE(at + 8) & 1) === 1,
        packed: bytes.readUInt32LE(at + 20),
        unpacked: bytes.readUInt32LE(at + 24),
        offset: bytes.readUInt32LE(at + 42),
      }
      declared += entry.unpacked
      this.#entries.set(entry.name, entry)
      at += 46 + nameLength + extra + comment
    }
    if (declared > limits.unpackedBytes) throw tooLarge(`${count} parts of ${Math.round(declared / 2 ** 20)} MB`)
  }

  #unpack({ name, method, packed, unpacked, offset }: Entry): Buffer {
    const bytes = this.#bytes
    if (offset + 30 > bytes.length || bytes.readUInt32LE(offset) !== localRecord) throw cut(name)
    const start = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28)
    if (start + packed > bytes.length) throw cut(name)
    const data = bytes.subarray(start, start + packed)
    if (method === 0) {
      if (packed !== unpacked) throw cut(name)
      return data
    }
    if (method !== 8)
      throw documentError('broken', `${name} is packed by method ${method}, which no document format uses.`)
    try {
      return inflateRawSync(data, { maxOutputLength: Math.max(unpacked, 1) })
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
        throw documentError(
          'too_large',
          `${name} unpacks to more than the ${unpacked} bytes it declares: a zip bomb, or damaged.`,
        )
      throw documentError('broken', `${name} inside the file is damaged. Save the document again.`, error)
    }
  }
}

/** Looks for the end record, which a comment of up to 64 KB may follow. */
function findEnd(bytes: Buffer): number {
  for (let at = bytes.length - 22; at >= Math.max(0, bytes.length - 22 - 0xffff); at--)
    if (bytes.readUInt32LE(at) === endRecord) return at
  throw documentError('broken', 'The file is cut off: the directory at its end is missing. Copy or save it again.')
}

const cut = (where: string) =>
  documentError('broken', `The archive is damaged at ${where}. Copy or save the document again.`)
const tooLarge = (what: string) =>
  documentError('too_large', `It unpacks to more than the limit (${what}): a zip bomb, or too large to index.`)

/** Bytes of XML as text: a byte order mark decides, otherwise UTF-8. */
export function decodeXml(bytes: Uint8Array): string {
  const [a, b] = bytes
  const encoding = a === 0xff && b === 0xfe ? 'utf-16le' : a === 0xfe && b === 0xff ? 'utf-16be' : 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}
