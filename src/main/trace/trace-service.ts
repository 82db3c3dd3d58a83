/** Traces as people work with them: listed, judged, removed, kept within bounds, handed on. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { type EventOf, type InputOf, type OutputOf } from '../../shared/contract'
import { type HandlersFor } from '../../shared/contract/handlers'
import {
  type CollectorStatus,
  type tracesExport,
  type tracesRemove,
  type tracesStatus,
} from '../../shared/contract/traces'
import { throwIfCancelled } from '../../shared/errors'
import { type Store } from '../store'
import { exportLines } from './export'
import { OtlpExporter } from './otlp-exporter'
import { newSpanId } from './span'
import { type Tracer } from './tracer'

const dayMs = 24 * 3_600_000
/** Retention looks this often, and first so long after the start. */
const sweepEveryMs = 3_600_000
const firstSweepMs = 20_000
/** Traces removed between two turns of the event loop. */
const portion = 20
/** While another process reads the database, its log cannot be emptied. */
const logTries = 50
const logPauseMs = 100
/** Traces looked for at a time. */
const listed = 1000

export class TraceService {
  readonly #store: Store
  readonly #tracer: Tracer
  readonly #otlp: OtlpExporter
  #timer: NodeJS.Timeout
  /** Removals take turns: each ends with an index and a log that are tidied up. */
  #removing: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(store: Store, tracer: Tracer) {
    this.#store = store
    this.#tracer = tracer
    this.#otlp = new OtlpExporter(store)
    tracer.onWritten.add(() => this.#otlp.wake())
    this.#timer = setTimeout(() => void this.#sweepForever(), firstSweepMs)
    this.#timer.unref()
  }

  get tracer(): Tracer {
    return this.#tracer
  }

  /** Marks what a host that died left running. @returns how many. */
  recover(): number {
    return this.#store.traces.markInterrupted(newSpanId)
  }

  /** The settings have changed. */
  refresh(): void {
    this.#tracer.refresh()
    this.#otlp.hurry()
  }

  setOtlpHeaders(headers: Record<string, string> | null): void {
    this.#store.setOtlpHeaders(headers)
    this.#otlp.hurry()
  }

  tryCollector(): Promise<CollectorStatus> {
    return this.#otlp.try()
  }

  status(): OutputOf<typeof tracesStatus> {
    const { enabled } = this.#store.settings.get().tracing
    const { traces } = this.#store
    return {
      enabled,
      ...traces.totals(),
      models: traces.models(),
      dropped: this.#tracer.dropped,
      otlp: this.#otlp.status(),
    }
  }

  /** Removes for good. @returns how many; what is being traced stays until it has ended. */
  async remove(what: InputOf<typeof tracesRemove>['what'], signal: AbortSignal): Promise<number> {
    this.#tracer.flush()
    const { traces } = this.#store
    const seqs = 'ids' in what ? traces.seqs(what.ids) : []
    if ('filter' in what)
      for (let after = 0; ;) {
        const page = traces.page(what.filter, after, listed)
        if (page.length === 0) break
        seqs.push(...page.map(({ seq }) => seq))
        after = page.at(-1)!.seq
      }
    await this.#removeAll(seqs, signal)
    return seqs.length
  }

  /** Traces of conversations that are gone for good go too. */
  async forgetConversations(ids: readonly string[]): Promise<void> {
    for (const conversationId of ids) await this.remove({ filter: { conversationId } }, new AbortController().signal)
  }

  /** Removes what is too old, then what is too much. @returns how many. */
  async sweep(signal: AbortSignal): Promise<number> {
    const { retentionDays, maxBytes } = this.#store.settings.get().tracing
    const { traces } = this.#store
    const gone: number[] = []
    if (retentionDays !== null) gone.push(...traces.olderThan(Date.now() - retentionDays * dayMs, -1))
    const old = new Set(gone)
    let over = traces.totals().sizeBytes - maxBytes
    if (over > 0)
      for (const { seq, sizeBytes } of traces.oldest(-1)) {
        if (over <= 0) break
        over -= sizeBytes
        if (!old.has(seq)) gone.push(seq)
      }
    await this.#removeAll(gone, signal)
    return gone.length
  }

  export(input: Parameters<typeof exportLines>[1], signal: AbortSignal): AsyncGenerator<EventOf<typeof tracesExport>> {
    this.#tracer.flush()
    return exportLines(this.#store, input, signal)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#tracer.close()
    await this.#otlp.close()
    await this.#removing.catch(() => undefined)
  }

  #removeAll(seqs: readonly number[], signal: AbortSignal): Promise<void> {
    const work = this.#removing
      .catch(() => undefined)
      .then(async () => {
        if (seqs.length === 0) return
        try {
          await this.#removeInPortions(seqs, signal)
        } finally {
          this.#tracer.announceRemoval()
        }
      })
    this.#removing = work
    return work
  }

  async #removeInPortions(seqs: readonly number[], signal: AbortSignal): Promise<void> {
    const { traces } = this.#store
    const atOnce = seqs.length <= portion
    for (let at = 0; at < seqs.length && !this.#closed; at += portion) {
      throwIfCancelled(signal)
      traces.remove(seqs.slice(at, at + portion), atOnce)
      await nextTurn()
    }
    if (!atOnce) for (let first = true; traces.tidy(first) && !this.#closed; first = false) await nextTurn()
    for (let tries = 0; !traces.forgetLog() && tries < logTries && !this.#closed; tries++) await sleep(logPauseMs)
  }

  async #sweepForever(): Promise<void> {
    await this.sweep(new AbortController().signal).catch(() => undefined)
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.#sweepForever(), sweepEveryMs)
    this.#timer.unref()
  }
}

type TraceRoutes =
  | 'tracesList'
  | 'tracesGet'
  | 'tracesFollow'
  | 'tracesRemove'
  | 'tracesRate'
  | 'tracesExport'
  | 'tracesStatus'
  | 'tracesSetOtlpHeaders'
  | 'tracesTryCollector'

/** What the host answers for traces.*, keyed by the names under which the contract exports them. */
export function traceHandlers(store: Store, service: TraceService): HandlersFor<TraceRoutes> {
  const { traces } = store
  const { tracer } = service
  return {
    tracesList: async ({ filter, before, limit, counted }) => ({
      traces: traces.list(filter, before ?? null, limit),
      count: counted ? traces.count(filter) : null,
    }),
    tracesGet: async ({ id }) => traces.get(id),
    tracesFollow: (_input, { signal }) => tracer.follow(signal),
    tracesRemove: async ({ what }, { signal }) => ({ removed: await service.remove(what, signal) }),
    tracesRate: async ({ id, rating, comment }) => {
      const trace = traces.rate(id, rating, comment && store.redaction.text(comment))
      tracer.announce(trace)
      return trace
    },
    tracesExport: (input, { signal }) => service.export(input, signal),
    tracesStatus: async () => service.status(),
    tracesTryCollector: () => service.tryCollector(),
    tracesSetOtlpHeaders: async ({ headers }) => {
      service.setOtlpHeaders(headers)
      return {}
    },
  }
}
