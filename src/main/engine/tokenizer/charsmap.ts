import { MoruError } from '../../../shared/errors'

const utf8 = new TextEncoder()

/**
 * SentencePiece's compiled normalisation rules: a double-array trie (darts-clone) from UTF-8 byte sequences to offsets in
 * a block of NUL-terminated replacements. Layout: u32 trie size in bytes, the trie's u32 units, the replacements; all
 * little-endian. The longest rule that matches is applied, and what no rule matches stays.
 */
export class Charsmap {
  private readonly units: Uint32Array
  private readonly replacements: Uint8Array

  /** `where` names the field in messages. Throws `invalid_file` when the sizes contradict each other. */
  constructor(bytes: Uint8Array, where: string) {
    if (bytes.length < 8)
      throw new MoruError('invalid_file', `${where} is ${bytes.length} bytes long, too short to hold rules.`)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const size = view.getUint32(0, true)
    if (size === 0 || size % 4 !== 0 || size > bytes.length - 4)
      throw new MoruError('invalid_file', `${where}: a trie of ${size} bytes does not fit into ${bytes.length} bytes.`)
    this.units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true))
    this.replacements = bytes.subarray(4 + size)
  }

  /** The text with every rule applied once, from left to right. Lone surrogates become U+FFFD. */
  apply(text: string): string {
    const bytes = utf8.encode(text)
    let out = new Uint8Array(bytes.length + 64)
    let length = 0
    const append = (part: Uint8Array): void => {
      if (length + part.length > out.length) {
        const grown = new Uint8Array(2 * (length + part.length))
        grown.set(out.subarray(0, length))
        out = grown
      }
      out.set(part, length)
      length += part.length
    }
    for (let at = 0; at < bytes.length;) {
      const rule = this.longest(bytes, at)
      const end = at + (rule ? rule.length : characterLength(bytes[at]))
      append(rule ? this.replacement(rule.offset) : bytes.subarray(at, end))
      at = end
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(out.subarray(0, length))
  }

  private longest(bytes: Uint8Array, start: number): { length: number; offset: number } | null {
    const { units } = this
    let found: { length: number; offset: number } | null = null
    let node = childOffset(units[0])
    for (let at = start; at < bytes.length; at++) {
      node = (node ^ bytes[at]) >>> 0
      if (node >= units.length) break
      const unit = units[node]
      // A unit's label is its low byte; the top bit marks values, which no byte equals.
      if ((unit & 0x800000ff) >>> 0 !== bytes[at]) break
      node = (node ^ childOffset(unit)) >>> 0
      if (node >= units.length) break
      if ((unit >>> 8) & 1) found = { length: at + 1 - start, offset: units[node] & 0x7fffffff }
    }
    return found
  }

  private replacement(offset: number): Uint8Array {
    const end = this.replacements.indexOf(0, offset)
    return this.replacements.subarray(Math.min(offset, this.replacements.length), end < 0 ? undefined : end)
  }
}

function childOffset(unit: number): number {
  return ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0
}

function characterLength(lead: number): number {
  return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
}
