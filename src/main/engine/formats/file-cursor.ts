/**
 * Reads the header of a file from front to back through one small buffer, so that a header is never in memory twice
 * and a length that the file states is compared with what the file holds before memory is taken for it.
 *
 * Values are read synchronously once `fill` has brought enough bytes: `has(n) || await fill(n, field)` costs no
 * promise for the hundred thousand short strings of a vocabulary.
 */
import { invalidFile, figure, quoted, type Place } from './file-error'
import type { SourceFile } from './source-file'

const bufferBytes = 256 * 1024
/** Longest string; the largest real ones are chat templates of some ten kilobytes. */
export const longestString = 1024 * 1024

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class FileCursor {
  readonly source: SourceFile
  readonly #buffer: Uint8Array
  readonly #view: DataView
  /** Position in the file of the buffer's first byte. */
  #start = 0
  #filled = 0
  #next = 0

  constructor(source: SourceFile) {
    this.source = source
    this.#buffer = new Uint8Array(Math.min(bufferBytes, source.sizeBytes))
    this.#view = new DataView(this.#buffer.buffer)
  }

  /** Bytes from the start of the file to the next value. */
  get position(): number {
    return this.#start + this.#next
  }

  /** Bytes of the file not yet read. */
  get remaining(): number {
    return this.source.sizeBytes - this.position
  }

  place(field: string, offset = this.position): Place {
    return { path: this.source.path, field, offset }
  }

  has(bytes: number): boolean {
    return this.#filled - this.#next >= bytes
  }

  /** Brings at least `bytes` (at most the buffer's size) within reach of the synchronous reads. */
  async fill(bytes: number, field: string): Promise<void> {
    if (this.has(bytes)) return
    this.demand(bytes, field)
    this.#buffer.copyWithin(0, this.#next, this.#filled)
    this.#start += this.#next
    this.#filled -= this.#next
    this.#next = 0
    const end = Math.min(this.#buffer.length, this.source.sizeBytes - this.#start)
    await this.source.readInto(this.#buffer.subarray(this.#filled, end), this.#start + this.#filled)
    this.#filled = end
  }

  /** Throws invalid_file unless the file has `bytes` more. */
  demand(bytes: number, field: string): void {
    if (bytes <= this.remaining) return
    throw invalidFile(
      this.place(field),
      `needs ${figure(bytes)} bytes, but the file has only ${figure(this.remaining)} left`,
    )
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1))
  }
  i8(): number {
    return this.#view.getInt8(this.#advance(1))
  }
  u16(): number {
    return this.#view.getUint16(this.#advance(2), true)
  }
  i16(): number {
    return this.#view.getInt16(this.#advance(2), true)
  }
  u32(): number {
    return this.#view.getUint32(this.#advance(4), true)
  }
  i32(): number {
    return this.#view.getInt32(this.#advance(4), true)
  }
  f32(): number {
    return this.#view.getFloat32(this.#advance(4), true)
  }
  f64(): number {
    return this.#view.getFloat64(this.#advance(8), true)
  }

  /** A 64-bit unsigned integer; those that a double cannot hold exactly are refused. */
  u64(field: string): number {
    const at = this.#advance(8)
    const high = this.#view.getUint32(at + 4, true)
    if (high < 0x200000) return high * 2 ** 32 + this.#view.getUint32(at, true)
    throw this.#tooLarge(field, this.#view.getBigUint64(at, true))
  }

  i64(field: string): number {
    const at = this.#advance(8)
    const value = this.#view.getBigInt64(at, true)
    if (Number.isSafeInteger(Number(value))) return Number(value)
    throw this.#tooLarge(field, value)
  }

  #tooLarge(field: string, value: bigint): Error {
    return invalidFile(
      this.place(field, this.position - 8),
      `${figure(value)} is beyond 2^53, more than any model holds`,
    )
  }

  /** A string of `length` UTF-8 bytes. */
  async text(length: number, field: string): Promise<string> {
    if (length > longestString) {
      throw invalidFile(
        this.place(field),
        `a string of ${figure(length)} bytes; at most ${figure(longestString)} are read`,
      )
    }
    this.demand(length, field)
    if (length > this.#buffer.length) {
      const bytes = new Uint8Array(length)
      await this.readInto(bytes, field)
      return this.#decode(bytes, field)
    }
    if (!this.has(length)) await this.fill(length, field)
    return this.textAtHand(length, field)
  }

  /** As `text`, for a string that is in the buffer already. */
  textAtHand(length: number, field: string): string {
    const at = this.#advance(length)
    return this.#decode(this.#buffer.subarray(at, at + length), field)
  }

  #decode(bytes: Uint8Array, field: string): string {
    try {
      return utf8.decode(bytes)
    } catch {
      const shown = quoted(new TextDecoder().decode(bytes.subarray(0, 80)))
      throw invalidFile(this.place(field, this.position - bytes.length), `${shown} is not valid UTF-8`)
    }
  }

  /** The next `target.length` bytes. */
  async readInto(target: Uint8Array, field: string): Promise<void> {
    this.demand(target.length, field)
    const atHand = Math.min(target.length, this.#filled - this.#next)
    const at = this.#advance(atHand)
    target.set(this.#buffer.subarray(at, at + atHand))
    if (atHand === target.length) return
    await this.source.readInto(target.subarray(atHand), this.position)
    this.#jump(target.length - atHand)
  }

  /** Passes over bytes that nobody needs. */
  skip(bytes: number, field: string): void {
    this.demand(bytes, field)
    if (this.has(bytes)) this.#next += bytes
    else this.#jump(bytes)
  }

  #jump(bytes: number): void {
    this.#start = this.position + bytes
    this.#filled = 0
    this.#next = 0
  }

  #advance(bytes: number): number {
    const at = this.#next
    this.#next += bytes
    return at
  }
}
