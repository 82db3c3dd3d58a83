import { type Tokenizer } from './tokenizer'

const utf8 = new TextEncoder()
const none = new Uint8Array(0)

/**
 * Text of ids that arrive bit by bit. Bytes of a character that is not whole yet are held back, bytes that can never
 * become one are U+FFFD; all pieces and the flush together are what decode gives for all ids. Linear in the bytes.
 */
export class StreamDecoder {
  private readonly tokenizer: Pick<Tokenizer, 'bytes' | 'token' | 'isControl' | 'leadingSpace'>
  private readonly special: boolean
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  private started = false

  constructor(
    tokenizer: Pick<Tokenizer, 'bytes' | 'token' | 'isControl' | 'leadingSpace'>,
    options: { special?: boolean } = {},
  ) {
    this.tokenizer = tokenizer
    this.special = options.special ?? false
  }

  /** Text that became certain with these ids; often ''. */
  push(ids: ArrayLike<number>): string {
    const pieces: Uint8Array[] = []
    let length = 0
    for (let i = 0; i < ids.length; i++) {
      const bytes = this.bytes(ids[i])
      pieces.push(bytes)
      length += bytes.length
    }
    const joined = new Uint8Array(length)
    let at = 0
    for (const bytes of pieces) {
      joined.set(bytes, at)
      at += bytes.length
    }
    return this.decode(joined)
  }

  /** What was held back, an incomplete character as U+FFFD; afterwards a new text may begin. */
  flush(): string {
    const rest = this.decoder.decode()
    this.started = false
    return rest
  }

  private bytes(id: number): Uint8Array {
    if (!this.tokenizer.isControl(id)) return this.tokenizer.bytes(id)
    return this.special ? utf8.encode(this.tokenizer.token(id)) : none
  }

  private decode(bytes: Uint8Array): string {
    if (bytes.length === 0) return ''
    const skip = !this.started && this.tokenizer.leadingSpace && bytes[0] === 0x20
    this.started = true
    return this.decoder.decode(skip ? bytes.subarray(1) : bytes, { stream: true })
  }
}
