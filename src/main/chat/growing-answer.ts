/** An answer while it is written: what it is now, and the row that is never more than a second behind it. */
import { type Message } from '../../shared/contract/chat'
import { type Store } from '../store'
import { type AnswerPiece } from '../engine'

/** From the first unsaved character to its saving. */
const saveAfterMs = 500

export class GrowingAnswer {
  readonly id: string
  text: string
  reasoning: string
  reasoningMs: number
  readonly #messages: Store['messages']
  readonly #onSaveFailure: (error: unknown) => void
  #timer: NodeJS.Timeout | null = null
  #thinkingSince: number | null = null

  /** `onSaveFailure` hears of a disk that is full or gone. */
  constructor(message: Message, messages: Store['messages'], onSaveFailure: (error: unknown) => void) {
    this.id = message.id
    this.text = message.text
    this.reasoning = message.reasoning ?? ''
    this.reasoningMs = message.reasoningMs ?? 0
    this.#messages = messages
    this.#onSaveFailure = onSaveFailure
  }

  /** Adds what became certain. The model thinks from its first thought until it answers. */
  add(pieces: AnswerPiece[]): void {
    for (const { kind, text } of pieces) {
      this[kind] += text
      this.#measure(kind === 'reasoning')
    }
    if (pieces.length === 0) return
    this.#timer ??= setTimeout(() => this.#save(), saveAfterMs)
  }

  /** What of the message the answer itself determines. */
  fields(): Pick<Message, 'text' | 'reasoning' | 'reasoningMs'> {
    const thought = this.reasoning !== ''
    return {
      text: this.text,
      reasoning: thought ? this.reasoning : null,
      reasoningMs: thought ? Math.round(this.reasoningMs) : null,
    }
  }

  /** Nothing more is added: ends the clock and the timer. The last state is for the caller to store. */
  end(): void {
    this.#measure(false)
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #measure(thinking: boolean): void {
    const now = performance.now()
    if (this.#thinkingSince !== null) this.reasoningMs += now - this.#thinkingSince
    this.#thinkingSince = thinking ? now : null
  }

  #save(): void {
    this.#timer = null
    try {
      this.#messages.update(this.id, this.fields())
    } catch (error) {
      this.#onSaveFailure(error)
    }
  }
}
