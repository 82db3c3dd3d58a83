/** Reference outputs in tests/golden, and how they are read. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const goldenFolder = join(import.meta.dirname, '../golden')
export const golden = (...path: string[]) => join(goldenFolder, ...path)

/** Raw little-endian floats. */
export function readFloats(...path: string[]): Float32Array {
  const bytes = readFileSync(golden(...path))
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}

export const readGolden = <T>(...path: string[]): T => JSON.parse(readFileSync(golden(...path), 'utf8')) as T

/** Largest absolute difference. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = Math.abs(a[i] - b[i])
    if (!(difference <= largest)) largest = difference
  }
  return largest
}
