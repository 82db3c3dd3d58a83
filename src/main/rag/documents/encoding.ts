import chardet from 'chardet'
import iconv from 'iconv-lite'

export interface Decoded {
  text: string
  /** As iconv-lite names it. */
  encoding: string
}

const sampleBytes = 65_536

/**
 * Text from bytes of unknown encoding: byte order mark, zero bytes for UTF-16, strict UTF-8, the encoding the file or its
 * sender names, CP949 where that gives Hangul throughout, then statistics. Null where the bytes are no text.
 * `declared` is a label as in a meta element or an HTTP header.
 */
export function decodeText(bytes: Uint8Array, declared?: string): Decoded | null {
  const marked = byteOrderMark(bytes)
  if (marked) return { text: iconv.decode(Buffer.from(bytes.subarray(marked.length)), marked.encoding), ...marked }
  const wide = utf16WithoutMark(bytes)
  if (wide) return { text: iconv.decode(buffer(bytes), wide), encoding: wide }
  if (looksBinary(bytes.subarray(0, sampleBytes))) return null
  const utf8 = strictUtf8(bytes)
  if (utf8 !== null) return { text: utf8, encoding: 'utf8' }
  const named = declared && labelled(declared)
  if (named && named !== 'utf8') return { text: iconv.decode(buffer(bytes), named), encoding: named }
  const korean = koreanText(bytes)
  if (korean !== null) return { text: korean, encoding: 'cp949' }
  const guess = chardet.detect(bytes.subarray(0, sampleBytes))
  const encoding = guess && guess !== 'ASCII' && iconv.encodingExists(guess) ? guess : 'windows-1252'
  return { text: iconv.decode(buffer(bytes), encoding), encoding }
}

const buffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function byteOrderMark([a, b, c, d]: Uint8Array): { encoding: string; length: number } | null {
  if (a === 0xef && b === 0xbb && c === 0xbf) return { encoding: 'utf8', length: 3 }
  if (a === 0xff && b === 0xfe)
    return c === 0 && d === 0 ? { encoding: 'utf-32le', length: 4 } : { encoding: 'utf-16le', length: 2 }
  if (a === 0xfe && b === 0xff) return { encoding: 'utf-16be', length: 2 }
  return null
}

/** In UTF-16 the high bytes of Latin text are zero, nearly all on one side; blanks and line ends are enough for Korean, whose 가 (U+AC00) is the exception. */
function utf16WithoutMark(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  const sample = bytes.subarray(0, sampleBytes)
  if (bytes.length % 2 !== 0 || bytes.length < 4) return null
  let even = 0
  let odd = 0
  for (let i = 0; i < sample.length; i++) {
    if (sample[i] === 0) {
      if (i % 2 === 0) even++
      else odd++
    }
  }
  const side = odd > even ? 'utf-16le' : 'utf-16be'
  const [many, few] = odd > even ? [odd, even] : [even, odd]
  if (many < sample.length / 100 || few > many / 4) return null
  const text = iconv.decode(buffer(sample), side)
  return readable(text) > 0.95 ? side : null
}

/** Share of characters that belong in a text: letters, digits, punctuation, blanks. */
function readable(text: string): number {
  const good = text.match(/[\p{L}\p{N}\p{P}\p{Sm}\p{Sc}\s]/gu)?.length ?? 0
  return text.length === 0 ? 0 : good / [...text].length
}

/** A zero byte or many control characters: not in any eight-bit text. */
function looksBinary(sample: Uint8Array): boolean {
  let controls = 0
  for (const byte of sample) {
    if (byte === 0) return true
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13 && byte !== 12 && byte !== 27) controls++
  }
  return controls > sample.length / 50
}

function strictUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

/** iconv-lite's name for a label; Korean labels all mean CP949, which holds the others. */
function labelled(label: string): string | null {
  const name = label.trim().toLowerCase()
  if (/^(euc-?kr|cp949|ms949|windows-949|ks_?c_?5601.*|korean|uhc)$/.test(name)) return 'cp949'
  if (/^utf-?8$/.test(name)) return 'utf8'
  return iconv.encodingExists(name) ? name : null
}

/** The text as CP949, where every pair exists and what lies beyond ASCII is mostly Hangul. */
function koreanText(bytes: Uint8Array): string | null {
  const sample = iconv.decode(buffer(bytes.subarray(0, sampleBytes)), 'cp949')
  // The sample may end in the middle of a pair.
  if (sample.slice(0, -1).includes('\ufffd')) return null
  const beyond = sample.match(/[^\0-\x7f]/g)?.length ?? 0
  const hangul = sample.match(/[가-힣ㄱ-ㅎㅏ-ㅣ]/g)?.length ?? 0
  if (beyond === 0 || hangul / beyond < 0.6) return null
  return bytes.length <= sampleBytes ? sample : iconv.decode(buffer(bytes), 'cp949')
}
