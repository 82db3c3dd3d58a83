/**
 * Records calls: in memory while they run, to the store in batches. A batch is written soon after the first thing in it
 * happened, so a crash loses at most a second, the writing itself included. Redaction comes before the store: what is not
 * written cannot leak.
 */
import { type Tracing } from '../../shared/contract/settings'
import { type TraceKind, type TraceMessage, type TraceSpan, type TraceSummary } from '../../shared/contract/traces'
import { ChangeNotice } from '../jobs'
import { type Store, type TraceWrite } from '../store'
import { recordOf, rootAttributes } from './attributes'
import { type Attributes, Call, currentSpan, type Recorder, type Span, within } from './span'

/** From the first thing that happened to its writing. */
const writeAfterMs = 750
/** Ended spans that wait for the next batch at most; more are dropped and counted. */
const mostWaiting = 4000
/** Characters of one text that are kept; what of it is looked through for secrets is longer, so that none is cut in two. */
const keptCharacters = 100_000
const readCharacters = 1_000_000
const previewCharacters = 160

export interface CallOptions {
  attributes?: Attributes
  /** What goes in, made only where contents are kept. */
  input?: () => TraceMessage[]
}

export interface CallRecorder {
  /**
   * Runs work as a call of its own; within another call it is a step of that one. The span is undefined where nothing is
   * traced. @throws what the work throws.
   */
  run<T>(kind: TraceKind, options: CallOptions, work: (span: Span | undefined) => Promise<T>): Promise<T>
}

/** For work that nobody wants to know about. */
export const untraced: CallRecorder = { run: (_kind, _options, work) => work(undefined) }

interface Follower {
  pending: Map<string, TraceSummary>
  removed: boolean
  notice: ChangeNotice
}

export type TraceEvent = { kind: 'written'; traces: TraceSummary[] } | { kind: 'removed' }

export class Tracer implements CallRecorder, Recorder {
  readonly #store: Pick<Store, 'traces' | 'settings' | 'redaction'>
  readonly #onTrouble: (error: unknown) => void
  readonly #changed = new Set<Call>()
  readonly #followers = new Set<Follower>()
  /** Hear that something was written. */
  readonly onWritten = new Set<() => void>()
  #settings: Tracing
  #timer: NodeJS.Timeout | null = null
  #waiting = 0
  #closed = false
  /** Spans that did not fit. */
  dropped = 0

  /** `onTrouble` hears of a database that takes no more. */
  constructor(store: Pick<Store, 'traces' | 'settings' | 'redaction'>, onTrouble: (error: unknown) => void) {
    this.#store = store
    this.#onTrouble = onTrouble
    this.#settings = store.settings.get().tracing
  }

  /** The settings have changed. */
  refresh(): void {
    this.#settings = this.#store.settings.get().tracing
  }

  run<T>(kind: TraceKind, options: CallOptions, work: (span: Span | undefined) => Promise<T>): Promise<T> {
    const parent = currentSpan()
    if (parent) return within(parent.child(kind, { ...rootAttributes(kind), ...options.attributes }), work)
    if (!this.#settings.enabled || this.#closed) return work(undefined)
    const call = new Call(kind, { ...rootAttributes(kind), ...options.attributes }, this)
    if (this.#settings.contents && options.input) call.keep({ input: options.input() })
    this.changed(call)
    return within(call.root, work)
  }

  changed(call: Call): void {
    this.#changed.add(call)
    if (++this.#waiting > mostWaiting) {
      // A call's end is never dropped, or it would seem to run for ever.
      const ends = call.ended.filter(({ parentId }) => parentId === null)
      this.dropped += call.ended.length - ends.length
      call.ended = ends
    }
    this.#timer ??= setTimeout(() => this.flush(), writeAfterMs)
  }

  /** Writes what waits. */
  flush(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#changed.size === 0) return
    const batch = [...this.#changed].map((call) => this.#writeOf(call))
    this.#changed.clear()
    this.#waiting = 0
    try {
      const traces = this.#store.traces.write(batch)
      for (const { pending, notice } of this.#followers) {
        for (const trace of traces) pending.set(trace.id, trace)
        notice.announce()
      }
      for (const listener of this.onWritten) listener()
    } catch (thrown) {
      // A full disk costs traces, never the call that is traced.
      this.dropped += batch.reduce((sum, { spans }) => sum + spans.length, 0)
      this.#onTrouble(thrown)
    }
  }

  /** What changes, from now on; a slow reader gets the latest state of each trace. Ends when the signal fires. */
  async *follow(signal: AbortSignal): AsyncGenerator<TraceEvent> {
    const follower: Follower = { pending: new Map(), removed: false, notice: new ChangeNotice() }
    this.#followers.add(follower)
    try {
      while (!signal.aborted) {
        if (follower.removed) {
          follower.removed = false
          yield { kind: 'removed' }
        } else if (follower.pending.size > 0) {
          const traces = [...follower.pending.values()]
          follower.pending.clear()
          yield { kind: 'written', traces }
        } else await follower.notice.next(signal)
      }
    } finally {
      this.#followers.delete(follower)
    }
  }

  /** Traces were removed: followers look again. */
  announceRemoval(): void {
    for (const follower of this.#followers) {
      follower.pending.clear()
      follower.removed = true
      follower.notice.announce()
    }
  }

  /** A trace was changed by other means than a call. */
  announce(trace: TraceSummary): void {
    for (const { pending, notice } of this.#followers) {
      pending.set(trace.id, trace)
      notice.announce()
    }
  }

  /** Writes what waits; calls that still run end as interrupted at the next start. */
  close(): void {
    this.flush()
    this.#closed = true
  }

  #writeOf(call: Call): TraceWrite {
    const clean = this.#store.redaction
    const spans = call.ended.map((span): TraceSpan => ({
      ...span,
      error: span.error && clean.text(span.error),
      attributes: clean.deep(span.attributes),
    }))
    call.ended = []
    const end = spans.find(({ parentId }) => parentId === null) ?? null
    let content: TraceWrite['content'] = null
    // Texts are looked through for secrets when they have changed, not in every batch of a long call.
    if (call.contentChanged) {
      call.contentChanged = false
      const input = this.#kept(call.input)
      call.preview = previewOf(input)
      if (this.#settings.contents) content = { input, output: this.#kept(call.output) }
    }
    const { model, error, ...record } = recordOf(call, end)
    // Identifiers stay what they are, whatever a person's pattern finds in them.
    const trace = { ...record, model: model && clean.text(model), error: error && clean.text(error) }
    return { trace: { ...trace, preview: call.preview }, spans, content }
  }

  #kept(messages: TraceMessage[] | null): TraceMessage[] | null {
    const kept = messages?.map(({ role, content }) => {
      const clean = this.#store.redaction.text(content.slice(0, readCharacters))
      return { role, content: cut(clean, keptCharacters) }
    })
    return kept ?? null
  }
}

/** Not through the middle of a surrogate pair; with … where something was cut off. */
function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '')}…`
}

/** The last thing that was asked, in one line. */
function previewOf(input: TraceMessage[] | null): string {
  const last = input?.findLast(({ role }) => role === 'user') ?? input?.at(-1)
  return cut(
    (last?.content ?? '')
      .slice(0, 4 * previewCharacters)
      .replace(/\s+/g, ' ')
      .trim(),
    previewCharacters,
  )
}
