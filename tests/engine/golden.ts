/** Reference outputs in tests/golden, and how they are read. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

const goldenFolder = join(import.meta.dirname, '../golden')
export const golden = (...path: string[]) => join(goldenFolder, ...path)

/** A file's bytes; large ones that pack well are kept as NAME.gz. */
function bytesOf(path: string[]): Uint8Array {
  const file = golden(...path)
  return existsSync(file) ? readFileSync(file) : gunzipSync(readFileSync(`${file}.gz`))
}

const ownMemory = ({ buffer, byteOffset, byteLength }: Uint8Array) => buffer.slice(byteOffset, byteOffset + byteLength)

/** Raw little-endian floats. */
export const readFloats = (...path: string[]): Float32Array => new Float32Array(ownMemory(bytesOf(path)))

/** Raw little-endian half floats. */
export const readHalves = (...path: string[]): Float32Array =>
  Float32Array.from(new Float16Array(ownMemory(bytesOf(path))))

export const readGolden = <T>(...path: string[]): T => JSON.parse(Buffer.from(bytesOf(path)).toString('utf8')) as T

/** Largest absolute difference. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = Math.abs(a[i] - b[i])
    if (!(difference <= largest)) largest = difference
  }
  return largest
}
