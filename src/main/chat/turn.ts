/**
 * One turn: an answer being written. It belongs to the host, not to a connection: it goes on whether anyone watches or
 * not, any number of readers may watch, each at its own pace, and it ends by itself or by stop().
 */
import { type Message, type MessageSources, type TurnEvent } from '../../shared/contract/chat'
import { type FinishReason, type Timings, type TokenDetail, type Usage } from '../../shared/contract/sampling'
import { MoruError, toMoruError } from '../../shared/errors'
import { type AnswerPiece } from '../engine'
import { ChangeNotice } from '../jobs'
import { type Store } from '../store'
import { GrowingAnswer } from './growing-answer'

/** How generation ended, as the message will show it. */
export interface Outcome {
  finishReason: FinishReason
  /** null: nothing was generated, as where the answer was known. */
  usage: Usage | null
  timings: Timings | null
}

type Progress = Omit<Extract<TurnEvent, { kind: 'progress' }>, 'kind'>

export class Turn {
  readonly user: Message | null
  readonly assistant: Message
  readonly answer: GrowingAnswer
  /** What the stages find out on the way, for the message. */
  droppedMessages: number
  outcome: Outcome | null = null
  tokens: TokenDetail[] = []
  sources: MessageSources | null = null
  /** The answer as it stands at its end, where that is another text than was streamed. */
  rewritten: string | null = null
  readonly #messages: Store['messages']
  readonly #controller = new AbortController()
  readonly #notice = new ChangeNotice()
  readonly #ended = Promise.withResolvers<Message>()
  #stopAs: 'stopped' | 'interrupted' = 'stopped'
  #progress: Progress | null = null
  #tokensPerSecond: number | null = null
  #finished: Message | null = null
  #error: MoruError | null = null

  /** `assistant`: the answer as stored, its status streaming. `user`: the question, where this turn added it. */
  constructor(user: Message | null, assistant: Message, messages: Store['messages']) {
    this.user = user
    this.assistant = assistant
    this.droppedMessages = assistant.droppedMessages
    this.#messages = messages
    this.answer = new GrowingAnswer(assistant, messages, (error) => this.#fail(error))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get running(): boolean {
    return this.#finished === null
  }

  /** The message as stored once the turn has ended; never rejects. */
  get ended(): Promise<Message> {
    return this.#ended.promise
  }

  /** Does the work and stores how it ended. */
  async run(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      // What a stop broke off is no failure.
      if (!this.signal.aborted) this.#fail(thrown)
    }
    this.#finish()
  }

  /** Asks the answer to end. @returns the message as stored. */
  stop(as: 'stopped' | 'interrupted'): Promise<Message> {
    if (!this.signal.aborted) this.#stopAs = as
    this.#controller.abort()
    return this.ended
  }

  progress(progress: Progress): void {
    this.#progress = progress
    this.#notice.announce()
  }

  setSources(sources: MessageSources): void {
    this.sources = sources
    this.#notice.announce()
  }

  add(pieces: AnswerPiece[], tokensPerSecond: number | null): void {
    this.#tokensPerSecond = tokensPerSecond
    this.answer.add(pieces)
    this.#notice.announce()
  }

  /**
   * The turn from its state now: the messages, then what is added, then the answer as stored. A slow reader gets fewer
   * and larger deltas. After the answer of a turn that failed its error is thrown. Ends when the signal fires.
   */
  async *follow(signal: AbortSignal): AsyncGenerator<TurnEvent> {
    let { text, reasoning } = this.answer
    let progress: Progress | null = null
    let sources: MessageSources | null = null
    yield { kind: 'started', user: this.user, assistant: { ...this.assistant, ...this.answer.fields() } }
    while (!signal.aborted) {
      if (this.#progress !== null && this.#progress !== progress) {
        progress = this.#progress
        yield { kind: 'progress', ...progress }
      } else if (this.sources !== sources && this.sources) {
        sources = this.sources
        yield { kind: 'sources', sources }
      } else if (this.answer.text.length > text.length || this.answer.reasoning.length > reasoning.length) {
        const before = { text: text.length, reasoning: reasoning.length }
        ;({ text, reasoning } = this.answer)
        yield {
          kind: 'delta',
          text: text.slice(before.text),
          reasoning: reasoning.slice(before.reasoning),
          tokensPerSecond: this.#tokensPerSecond,
        }
      } else if (this.#finished) {
        yield { kind: 'finished', message: this.#finished }
        if (this.#error) throw this.#error
        return
      } else await this.#notice.next(signal)
    }
  }

  #fail(thrown: unknown): void {
    this.#error ??= toMoruError(thrown)
    this.#controller.abort()
  }

  #finish(): void {
    this.answer.end()
    const patch = {
      ...this.answer.fields(),
      ...(this.rewritten !== null && { text: this.rewritten }),
      sources: this.sources,
      ...this.#status(),
      ...this.outcome,
      droppedMessages: this.droppedMessages,
    }
    try {
      this.#messages.update(this.assistant.id, patch)
      this.#messages.setTokens(this.assistant.id, this.tokens.length > 0 ? this.tokens : null)
    } catch (thrown) {
      // The disk took no more: readers still learn what was written and why it is not kept.
      this.#error ??= toMoruError(thrown)
      Object.assign(patch, this.#status())
    }
    this.#finished = { ...this.assistant, ...patch }
    this.#notice.announce()
    this.#ended.resolve(this.#finished)
  }

  #status(): Pick<Message, 'status' | 'error'> {
    if (this.#error) return { status: 'failed', error: this.#error.message }
    if (this.outcome && this.outcome.finishReason !== 'cancelled') return { status: 'complete', error: null }
    if (this.signal.aborted) return { status: this.#stopAs, error: null }
    const error = new MoruError('internal', 'The engine ended without saying how the answer ended.')
    this.#error = error
    return { status: 'failed', error: error.message }
  }
}
