/** 16-bit floats, as bits, to f32. */

/** Every f16 value by its bits: 256 KB buy a conversion that is one load. */
const halves = tabulate()

function tabulate(): Float32Array {
  const table = new Float32Array(65_536)
  for (let bits = 0; bits < 32_768; bits++) {
    const exponent = bits >> 10
    const fraction = bits & 0x3ff
    const normal = exponent === 31 ? (fraction ? NaN : Infinity) : 2 ** (exponent - 15) * (1 + fraction / 1024)
    table[bits] = exponent === 0 ? fraction * 2 ** -24 : normal
    table[bits + 32_768] = -table[bits]
  }
  return table
}

/** Little-endian f16 at `offset`. */
export function f16At(bytes: Uint8Array, offset: number): number {
  return halves[bytes[offset] | (bytes[offset + 1] << 8)]
}

/** `count` little-endian f16 values. */
export function f16ToF32(bytes: Uint8Array, count: number): Float32Array {
  const out = new Float32Array(count)
  for (let i = 0; i < count; i++) out[i] = halves[bytes[2 * i] | (bytes[2 * i + 1] << 8)]
  return out
}

/** `count` little-endian bf16 values: the upper halves of f32s. */
export function bf16ToF32(bytes: Uint8Array, count: number): Float32Array {
  const bits = new Uint32Array(count)
  for (let i = 0; i < count; i++) bits[i] = (bytes[2 * i] << 16) | (bytes[2 * i + 1] << 24)
  return new Float32Array(bits.buffer)
}

const encoded = new Float16Array(1)
const encodedBytes = new Uint8Array(encoded.buffer)

/** Writes the f16 nearest to `value`, little-endian, and gives it back as a number. */
export function putF16(bytes: Uint8Array, offset: number, value: number): number {
  encoded[0] = value
  bytes[offset] = encodedBytes[0]
  bytes[offset + 1] = encodedBytes[1]
  return encoded[0]
}
