import { MoruError } from '../../../shared/errors'

export type FieldValue = number | Uint8Array
export interface Field {
  number: number
  /** Whole number for varints, four bytes for 32-bit and eight for 64-bit fields, the content for length-delimited ones. */
  value: FieldValue
}

/**
 * The fields of one protobuf message, in order. Every length is checked against the message. `where` names the file.
 * Throws `invalid_file` with the byte at which the message breaks.
 */
export function* readFields(bytes: Uint8Array, where: string): Generator<Field> {
  let at = 0
  const broken = (what: string): MoruError => new MoruError('invalid_file', `${where}: ${what} at byte ${at}.`)
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= bytes.length) throw broken('the message ends inside a number')
      const byte = bytes[at++]
      // Beyond 2^53 only the sign of a negative 32-bit number matters: its low 32 bits are kept.
      if (shift < 49) value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return shift >= 63 ? value | 0 : value
    }
    throw broken('a number is longer than ten bytes')
  }
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw broken(`a field of ${length} bytes does not fit`)
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    const wire = tag % 8
    if (number < 1) throw broken('a field has the number 0')
    if (wire === 0) yield { number, value: varint() }
    else if (wire === 1) yield { number, value: take(8) }
    else if (wire === 2) yield { number, value: take(varint()) }
    else if (wire === 5) yield { number, value: take(4) }
    else throw broken(`a field has the unknown wire type ${wire}`)
  }
}
