/**
 * Codes of 2 to 8 bits in 32-bit words, one after the other from the lowest bit of the first word on: where the bits do
 * not divide 32 (3, 5, 6, 7), a code may begin in one word and end in the next, as AutoGPTQ packs 3 bits.
 */

/** Words that `count` codes take; a whole number only where `count * bits` is a multiple of 32. */
const wordsFor = (count: number, bits: number): number => (count * bits) / 32

/**
 * A table of codes as words along its columns.
 * @param codeAt the code of a row and column
 * @returns [rows, columns * bits / 32]
 */
export function packAlongColumns(
  rows: number,
  columns: number,
  bits: number,
  codeAt: (row: number, column: number) => number,
): Int32Array {
  const stride = wordsFor(columns, bits)
  const words = new Int32Array(rows * stride)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const at = row * stride + ((column * bits) >> 5)
      put(words, at, at + 1, (column * bits) & 31, bits, codeAt(row, column))
    }
  return words
}

/** The same along its rows: [rows * bits / 32, columns]. */
export function packAlongRows(
  rows: number,
  columns: number,
  bits: number,
  codeAt: (row: number, column: number) => number,
): Int32Array {
  const words = new Int32Array(wordsFor(rows, bits) * columns)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const at = ((row * bits) >> 5) * columns + column
      put(words, at, at + columns, (row * bits) & 31, bits, codeAt(row, column))
    }
  return words
}

function put(words: Int32Array, at: number, next: number, shift: number, bits: number, code: number): void {
  words[at] |= code << shift
  if (shift + bits > 32) words[next] |= code >>> (32 - shift)
}

/** Takes the codes of `packAlongColumns` out again, row by row. */
export function unpackAlongColumns(
  words: Int32Array,
  rows: number,
  columns: number,
  bits: number,
  take: (row: number, column: number, code: number) => void,
): void {
  const stride = wordsFor(columns, bits)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const at = row * stride + ((column * bits) >> 5)
      take(row, column, codeIn(words, at, at + 1, (column * bits) & 31, bits))
    }
}

/** Takes the codes of `packAlongRows` out again, row by row. */
export function unpackAlongRows(
  words: Int32Array,
  rows: number,
  columns: number,
  bits: number,
  take: (row: number, column: number, code: number) => void,
): void {
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const at = ((row * bits) >> 5) * columns + column
      take(row, column, codeIn(words, at, at + columns, (row * bits) & 31, bits))
    }
}

function codeIn(words: Int32Array, at: number, next: number, shift: number, bits: number): number {
  const low = words[at] >>> shift
  const code = shift + bits > 32 ? low | (words[next] << (32 - shift)) : low
  return code & ((1 << bits) - 1)
}

/** Bytes of a file as 32-bit words. */
export function wordsOf(bytes: Uint8Array): Int32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4)
}
