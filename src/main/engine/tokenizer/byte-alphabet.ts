/** GPT-2's alphabet: each of the 256 bytes as one printable character, so that any text is a string without spaces. */

const printable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff)

/** The character that stands for each byte. */
export const byteCharacters: readonly string[] = (() => {
  let extra = 0
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : 256 + extra++))
})()

const bytesOfCharacters = new Map(byteCharacters.map((character, byte) => [character, byte]))

/** Bytes that a token in this alphabet stands for; a character outside the alphabet stands for its own UTF-8. */
export function bytesOfToken(token: string): Uint8Array {
  const bytes: number[] = []
  for (const character of token) {
    const byte = bytesOfCharacters.get(character)
    if (byte !== undefined) bytes.push(byte)
    else bytes.push(...new TextEncoder().encode(character))
  }
  return Uint8Array.from(bytes)
}

/** Bytes as a token in this alphabet. */
export function tokenOfBytes(bytes: Uint8Array): string {
  let token = ''
  for (const byte of bytes) token += byteCharacters[byte]
  return token
}
