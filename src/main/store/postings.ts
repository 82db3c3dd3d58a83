/** A chunk's terms as bytes: LEB128 of the difference to the term before, then of how often it occurs. */

/** @param terms term.seq and frequency, ascending by term.seq. */
export function encodePostings(terms: readonly (readonly [term: number, frequency: number])[]): Buffer {
  // Seven bits a byte: at most five bytes for a difference and five for a frequency.
  const bytes = Buffer.allocUnsafe(terms.length * 10)
  let at = 0
  let before = 0
  for (const [term, frequency] of terms) {
    at = writeVarint(bytes, at, term - before)
    at = writeVarint(bytes, at, frequency)
    before = term
  }
  return bytes.subarray(0, at)
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

/** Calls `each` with every term of `bytes`; bytes that end amid a number end the list there. */
export function readPostings(bytes: Uint8Array, each: (term: number, frequency: number) => void): void {
  let term = 0
  let difference = 0
  let value = 0
  let shift = 0
  let second = false
  for (let i = 0; i < bytes.length; i++) {
    value |= (bytes[i] & 127) << shift
    if (bytes[i] > 127) {
      shift += 7
      continue
    }
    if (second) {
      term += difference
      each(term, value)
    } else difference = value
    second = !second
    value = 0
    shift = 0
  }
}
