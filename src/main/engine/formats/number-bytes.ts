/** Numbers as the bytes that files hold of them. */

/** The same memory: little-endian on every machine that Moru runs on. */
export const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

/** Values as f16, rounded to nearest. */
export const halfBytes = (values: ArrayLike<number>): Uint8Array => bytesOf(Float16Array.from(values))
