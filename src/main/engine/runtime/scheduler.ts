/** Which sequences take part in the next step, and with how many tokens: continuous batching with chunked prefill. */
import { MoruError } from '../../../shared/errors'
import { blockTokens } from '../kernels/attention'
import { type BlockPool } from './block-pool'
import { type StepEntry } from './model-runner'
import { type Sequence } from './sequence'
import { logitRows } from './workspace'

/** A prefill step should be over in this time, so that cancelling and other sequences' tokens do not wait longer. */
const stepTargetMs = 500
const firstChunk = 64

export interface ScheduledStep {
  sequences: Sequence[]
  entries: StepEntry[]
}

export class Scheduler {
  private readonly pool: BlockPool
  private readonly contextLength: number
  private readonly maxTokens: number
  private readonly waiting: Sequence[] = []
  private running: Sequence[] = []
  private prefillTokens = firstChunk

  constructor(pool: BlockPool, contextLength: number, maxTokens: number) {
    this.pool = pool
    this.contextLength = contextLength
    this.maxTokens = maxTokens
  }

  get idle(): boolean {
    return this.waiting.length === 0 && this.running.length === 0
  }

  get generating(): number {
    return this.running.length
  }

  add(sequence: Sequence): void {
    this.waiting.push(sequence)
  }

  /** Every sequence that waits or runs. */
  all(): Sequence[] {
    return [...this.running, ...this.waiting]
  }

  /** Ends cancelled sequences, admits waiting ones, and lays out the next step: one-token entries first. null: nothing to do. */
  next(): ScheduledStep | null {
    for (const s of this.all()) if (s.request.signal?.aborted) s.finish('cancelled')
    this.retire()
    this.admit()
    const decoding = this.running.filter((s) => s.ids.length - s.computed === 1)
    const sequences = [...decoding]
    const entries = decoding.map((s) => this.entry(s, 1))
    let budget = Math.min(this.prefillTokens, this.maxTokens - entries.length)
    for (const s of this.running) {
      const missing = s.ids.length - s.computed
      if (missing <= 1 || budget <= 1) continue
      const count = Math.min(missing, budget)
      budget -= count
      sequences.push(s)
      entries.push(this.entry(s, count))
    }
    return entries.length === 0 ? null : { sequences, entries }
  }

  /** After a step: what was computed counts, full blocks become known to others, and the chunk size follows the clock. */
  computed(step: ScheduledStep, elapsedMs: number): void {
    step.sequences.forEach((s, i) => {
      s.computed += step.entries[i].ids.length
      this.publish(s)
      s.progressed()
    })
    const prefilled = step.entries.filter((e) => e.ids.length > 1).reduce((sum, e) => sum + e.ids.length, 0)
    if (prefilled < this.prefillTokens) return
    const fitting = (prefilled * stepTargetMs) / Math.max(1, elapsedMs)
    this.prefillTokens = Math.max(
      blockTokens,
      Math.min(this.maxTokens, Math.floor(Math.min(fitting, prefilled * 2) / blockTokens) * blockTokens),
    )
  }

  /** Gives back the blocks of sequences that are done. */
  retire(): void {
    for (const s of this.running) if (s.finishReason) this.pool.release(s.blocks)
    this.running = this.running.filter((s) => !s.finishReason)
    for (let i = this.waiting.length - 1; i >= 0; i--) if (this.waiting[i].finishReason) this.waiting.splice(i, 1)
  }

  /** Ends everything with an error: the device is gone. */
  fail(error: Error): void {
    for (const s of this.all()) s.fail(error)
    this.retire()
  }

  private admit(): void {
    while (this.waiting.length > 0 && this.running.length < logitRows) {
      const s = this.waiting[0]
      const blocks = Math.ceil(Math.min(s.reservedTokens, this.contextLength) / blockTokens)
      if (this.running.length > 0 && blocks > this.pool.available - this.reserved()) return
      this.waiting.shift()
      // The last token is always computed: its logits are what the answer begins with.
      s.blocks = this.pool.takePrefix(s.ids, Math.floor((s.ids.length - 1) / blockTokens) * blockTokens)
      s.computed = s.cachedTokens = s.blocks.length * blockTokens
      s.started()
      this.running.push(s)
      s.published = s.blocks.length
      s.prefix = this.prefixOf(s)
    }
  }

  /** Blocks the running sequences may still ask for. */
  private reserved(): number {
    return this.running.reduce(
      (sum, s) => sum + Math.ceil(Math.min(s.reservedTokens, this.contextLength) / blockTokens) - s.blocks.length,
      0,
    )
  }

  private prefixOf(s: Sequence): string {
    let prefix = ''
    for (let i = 0; i < s.published; i++) prefix = this.pool.publish(s.blocks[i], prefix, s.ids, (i + 1) * blockTokens)
    return prefix
  }

  private publish(s: Sequence): void {
    for (; (s.published + 1) * blockTokens <= s.computed; s.published++)
      s.prefix = this.pool.publish(s.blocks[s.published], s.prefix, s.ids, (s.published + 1) * blockTokens)
  }

  private entry(s: Sequence, count: number): StepEntry {
    while (s.blocks.length * blockTokens < s.computed + count) {
      const block = this.pool.take()
      if (block === null)
        throw new MoruError(
          'out_of_memory',
          'The key/value cache is full; requests that run together need more blocks than it has.',
        )
      s.blocks.push(block)
    }
    const ids = s.ids.slice(s.computed, s.computed + count)
    return {
      ids,
      position: s.computed,
      blocks: s.blocks,
      logits: s.computed + count === s.ids.length ? 'last' : 'none',
    }
  }
}
