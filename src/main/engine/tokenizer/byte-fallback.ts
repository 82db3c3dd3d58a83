const utf8 = new TextEncoder()

/** Ids for characters that the vocabulary has no token for: byte tokens if there are any, else one unknown per run. */
export class ByteFallback {
  private readonly byteTokens: Int32Array
  private readonly unknownId: number | null

  /** `byteTokens`: ids of <0x00> to <0xFF>, -1 for those that are missing. */
  constructor(byteTokens: Int32Array, unknownId: number | null) {
    this.byteTokens = byteTokens
    this.unknownId = unknownId
  }

  /** Appends the ids of a character. `afterUnknown`: whether the last id stands for an unknown run that this one continues. */
  append(character: string, out: number[], afterUnknown: boolean): boolean {
    const bytes = utf8.encode(character)
    if (bytes.every((byte) => this.byteTokens[byte] >= 0)) {
      for (const byte of bytes) out.push(this.byteTokens[byte])
      return false
    }
    if (!afterUnknown && this.unknownId !== null) out.push(this.unknownId)
    return true
  }
}
