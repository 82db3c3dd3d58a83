/**
 * Sends spans to the collector that the person named. The store is the queue: it is bounded by retention, survives a
 * restart, and no call waits for it. A batch counts as sent when the collector has said so; until then it is sent again,
 * so a span arrives at least once, and exactly once where no answer was lost.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type CollectorStatus } from '../../shared/contract/traces'
import { MoruError } from '../../shared/errors'
import { type Store } from '../store'
import { exportRequest } from './otlp-json'

const batchSpans = 200
/** Contents make spans heavy: a batch is cut where its JSON grows beyond this. */
const batchBytes = 2_000_000
const answerWithinMs = 10_000
const firstPauseMs = 1000
const longestPauseMs = 60_000

/** Answers that say to try again (https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes). */
const passing = new Set([429, 502, 503, 504])

export class OtlpExporter {
  readonly #store: Store
  readonly #closing = new AbortController()
  #pumping: Promise<void> | null = null
  /** Something may have changed while a batch was under way. */
  #woken = false
  /** Of which the figures below are. */
  #endpoint: string | null
  #pauseMs = 0
  #pause: AbortController | null = null
  #lastError: string | null = null
  #lastSentAt: number | null = null
  #lastTriedAt: number | null = null
  #reached: boolean | null = null
  #refused = 0

  constructor(store: Store) {
    this.#store = store
    this.#endpoint = store.settings.get().tracing.otlpEndpoint
  }

  /** There may be spans to send, or another collector to send them to. */
  wake(): void {
    this.#woken = true
    if (this.#closing.signal.aborted || this.#pumping) return
    this.#pumping = this.#pump().finally(() => {
      this.#pumping = null
    })
  }

  /** Another collector, other headers: what waits for the old one's recovery waits no longer. */
  hurry(): void {
    const { otlpEndpoint } = this.#store.settings.get().tracing
    if (otlpEndpoint !== this.#endpoint) {
      this.#endpoint = otlpEndpoint
      this.#lastError = this.#lastSentAt = this.#lastTriedAt = this.#reached = null
      this.#refused = 0
    }
    this.#pause?.abort()
    this.wake()
  }

  /** Asks the collector whether it is there, and hurries what waits. @throws invalid_input when none is named. */
  async try(): Promise<CollectorStatus> {
    const { otlpEndpoint: endpoint } = this.#store.settings.get().tracing
    if (endpoint === null) throw new MoruError('invalid_input', 'No collector is named in the settings.')
    await this.#post(endpoint, JSON.stringify({ resourceSpans: [] }))
    if (this.#reached) this.hurry()
    return this.status()
  }

  status(): CollectorStatus {
    const { otlpEndpoint: endpoint } = this.#store.settings.get().tracing
    const hasHeaders = Object.keys(this.#store.otlpHeaders()).length > 0
    const { exports } = this.#store.traces
    const at = endpoint === null ? null : exports.cursor(endpoint)
    return {
      endpoint,
      hasHeaders,
      sentSpans: at?.sent ?? 0,
      waitingSpans: at ? exports.unsentCount(at.spanSeq) : 0,
      lastError: endpoint === null ? null : this.#lastError,
      lastSentAt: this.#lastSentAt,
      lastTriedAt: this.#lastTriedAt,
      reached: this.#reached,
      refusedSpans: this.#refused,
    }
  }

  /** Does not wait for a collector: what was not sent is sent after the next start. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#pause?.abort()
    await this.#pumping
  }

  async #pump(): Promise<void> {
    while (this.#woken && !this.#closing.signal.aborted) {
      this.#woken = false
      while (!this.#closing.signal.aborted && (await this.#sendBatch()));
    }
  }

  /** @returns whether there may be more to send. */
  async #sendBatch(): Promise<boolean> {
    const { otlpEndpoint: endpoint, otlpContents } = this.#store.settings.get().tracing
    const { exports } = this.#store.traces
    if (endpoint === null) {
      exports.forget()
      return false
    }
    const { spanSeq, sent } = exports.cursor(endpoint)
    let spans = exports.unsent(spanSeq, batchSpans)
    if (spans.length === 0) return false
    let body = JSON.stringify(exportRequest(spans, otlpContents))
    while (body.length > batchBytes && spans.length > 1) {
      spans = spans.slice(0, Math.ceil(spans.length / 2))
      body = JSON.stringify(exportRequest(spans, otlpContents))
    }
    const outcome = await this.#post(endpoint, body)
    if (this.#closing.signal.aborted) return false
    if (outcome === 'retry') {
      await this.#wait()
      return true
    }
    this.#pauseMs = 0
    // Refused for good spans would be refused again, for ever: they are passed over, and the refusal is shown.
    const refused = outcome === 'refused' ? spans.length : Math.min(spans.length, outcome.rejected)
    this.#refused += refused
    exports.advance(endpoint, spans.at(-1)!.seq, sent + spans.length - refused)
    return true
  }

  async #post(endpoint: string, body: string): Promise<{ rejected: number } | 'refused' | 'retry'> {
    this.#lastTriedAt = Date.now()
    try {
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: { ...this.#store.otlpHeaders(), 'content-type': 'application/json' },
        body,
        redirect: 'error',
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(answerWithinMs)]),
      })
      const answer = await response.text()
      this.#reached = true
      if (response.ok) {
        const { rejected, message } = rejection(answer)
        this.#lastSentAt = Date.now()
        this.#lastError = rejected > 0 ? `The collector refused ${rejected} spans: ${message}` : null
        return { rejected }
      }
      this.#lastError = `The collector answered ${response.status} ${response.statusText}.`
      if (!passing.has(response.status)) return 'refused'
      const after = Number(response.headers.get('retry-after'))
      if (after > 0) this.#pauseMs = Math.min(after * 1000, longestPauseMs)
      return 'retry'
    } catch (thrown) {
      if (this.#closing.signal.aborted) return 'retry'
      this.#reached = false
      const { message, cause } = thrown as Error
      this.#lastError = `The collector cannot be reached: ${(cause as Error | undefined)?.message || message}.`
      return 'retry'
    }
  }

  /** Twice as long each time, give or take a quarter. */
  async #wait(): Promise<void> {
    this.#pauseMs = Math.min(Math.max(firstPauseMs, this.#pauseMs * 2), longestPauseMs)
    this.#pause = new AbortController()
    const ms = this.#pauseMs * (0.75 + Math.random() / 2)
    await sleep(ms, undefined, { signal: this.#pause.signal, ref: false }).catch(() => undefined)
    this.#pause = null
  }
}

/** What a collector says of spans that it did not take though it took the request. */
function rejection(answer: string): { rejected: number; message: string } {
  try {
    const { partialSuccess } = JSON.parse(answer) as {
      partialSuccess?: { rejectedSpans?: unknown; errorMessage?: unknown }
    }
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0)
    return { rejected: rejected > 0 ? rejected : 0, message: String(partialSuccess?.errorMessage ?? '') }
  } catch {
    return { rejected: 0, message: '' }
  }
}
