/** A call and its steps while they run: what the recorder gets when they end. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import { type TraceKind, type TraceMessage, type TraceSpan, type TraceState } from '../../shared/contract/traces'
import { toMoruError } from '../../shared/errors'

export type Attributes = Record<string, unknown>

export const newSpanId = () => randomBytes(8).toString('hex')
/** Milliseconds of the epoch on a clock that never goes back. */
export const nowMs = () => performance.timeOrigin + performance.now()

/** Steps kept of one call; what is beyond is counted in its root's attributes. */
const mostSpans = 1000

/** Texts of one call that are kept: of an embedding of thousands, or of a long conversation, the first and the last ones. */
const mostMessages = 50

const fewEnough = (messages: TraceMessage[]): TraceMessage[] =>
  messages.length <= mostMessages
    ? messages
    : [...messages.slice(0, mostMessages / 2), ...messages.slice(-mostMessages / 2)]

/** What a call's recorder is told. */
export interface Recorder {
  changed(call: Call): void
}

/** A call from its beginning to its end. */
export class Call {
  readonly id = randomBytes(16).toString('hex')
  readonly kind: TraceKind
  readonly root: Span
  /** Ended spans that were not written yet. */
  ended: TraceSpan[] = []
  input: TraceMessage[] | null = null
  output: TraceMessage[] | null = null
  /** Input and output changed since they were written. */
  contentChanged = false
  /** What was asked, in one line; '' before it was written first. */
  preview = ''
  state: TraceState = 'running'
  readonly recorder: Recorder
  spans = 0
  droppedSpans = 0

  constructor(kind: TraceKind, attributes: Attributes, recorder: Recorder) {
    this.kind = kind
    this.recorder = recorder
    this.root = new Span(this, kind, null, attributes)
  }

  keep({ input, output }: { input?: TraceMessage[]; output?: TraceMessage[] }): void {
    if (input) this.input = fewEnough(input)
    if (output) this.output = fewEnough(output)
    this.contentChanged = true
  }

  /** A span has ended; the root's end is the call's. */
  close(span: TraceSpan): void {
    if (span.parentId === null) this.state = span.state
    if (this.state !== 'running' && span.parentId !== null) return
    if (this.spans < mostSpans || span.parentId === null) this.ended.push(span)
    else this.droppedSpans += 1
    this.spans += 1
    this.recorder.changed(this)
  }
}

export class Span {
  readonly id = newSpanId()
  readonly call: Call
  readonly name: string
  readonly parentId: string | null
  readonly startedAt = nowMs()
  readonly attributes: Attributes
  #over = false
  #state: TraceSpan['state'] = 'ok'

  constructor(call: Call, name: string, parentId: string | null, attributes: Attributes) {
    this.call = call
    this.name = name
    this.parentId = parentId
    this.attributes = attributes
  }

  set(attributes: Attributes): void {
    Object.assign(this.attributes, attributes)
  }

  /** What comes out. Steps have no texts of their own: nothing happens. */
  output(messages: TraceMessage[]): void {
    if (this.parentId === null) this.call.keep({ output: messages })
  }

  /** A step of this one; begins now. */
  child(name: string, attributes: Attributes = {}): Span {
    return new Span(this.call, name, this.id, attributes)
  }

  /** Ends as 'cancelled', though nothing was thrown. */
  markCancelled(): void {
    this.#state = 'cancelled'
  }

  /** Ends now; only the first end counts. */
  end(thrown?: unknown): void {
    if (this.#over) return
    this.#over = true
    const error = thrown === undefined ? null : toMoruError(thrown)
    if (error) this.set({ 'error.type': error.code })
    const cancelled = error?.code === 'cancelled'
    if (this.parentId === null && this.call.droppedSpans > 0) this.set({ 'moru.spans.dropped': this.call.droppedSpans })
    this.call.close({
      id: this.id,
      parentId: this.parentId,
      name: this.name,
      startedAt: this.startedAt,
      durationMs: Math.max(0, nowMs() - this.startedAt),
      state: error ? (cancelled ? 'cancelled' : 'error') : this.#state,
      error: error && !cancelled ? error.message : null,
      attributes: this.attributes,
    })
  }
}

const running = new AsyncLocalStorage<Span>()

/** The step that the caller is in; undefined where nothing is traced. */
export const currentSpan = (): Span | undefined => running.getStore()

/** Runs work within a span and ends it as the work ends. */
export async function within<T>(span: Span, work: (span: Span) => Promise<T>): Promise<T> {
  try {
    const result = await running.run(span, work, span)
    span.end()
    return result
  } catch (thrown) {
    span.end(thrown)
    throw thrown
  }
}

/** A step of the call that the caller is in; where none is traced the work just runs. @throws what the work throws. */
export function step<T>(
  name: string,
  attributes: Attributes,
  work: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  const parent = currentSpan()
  return parent ? within(parent.child(name, attributes), work) : work(undefined)
}
