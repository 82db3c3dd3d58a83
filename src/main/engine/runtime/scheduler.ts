/** Which sequences take part in the next step, and with how many tokens: continuous batching with chunked prefill. */
import { MoruError } from '../../../shared/errors'
import { blockTokens } from '../kernels/attention'
import { AdmissionQueue } from './admission-queue'
import { type BlockPool } from './block-pool'
import { type Sequence } from './sequence'
import { type StepEntry } from './step-inputs'
import { logitRows } from './workspace'

/** A prefill step should be over in this time, so that cancelling and other sequences' tokens do not wait longer. */
const stepTargetMs = 500
const firstChunk = 64
/**
 * Steps of fewer tokens go through the kernels of decoding, which round otherwise. A prefill never takes fewer at a time, so
 * that neither chunks sized by the clock nor a cached beginning change a single bit of what a request alone computes.
 */
const leastChunk = 4

export interface ScheduledStep {
  sequences: Sequence[]
  entries: StepEntry[]
  /** Tokens that prefills could have taken. */
  budget: number
}

export class Scheduler {
  private readonly pool: BlockPool
  private readonly contextLength: number
  private readonly maxTokens: number
  private readonly waiting: AdmissionQueue
  private running: Sequence[] = []
  private prefillTokens = firstChunk

  /** `maxTokens`: tokens of a step at most. */
  constructor(pool: BlockPool, contextLength: number, maxTokens: number) {
    if (pool.size * blockTokens < contextLength)
      throw new MoruError('internal', `${pool.size} blocks do not hold a context of ${contextLength} tokens.`)
    this.pool = pool
    this.contextLength = contextLength
    this.maxTokens = maxTokens
    this.waiting = new AdmissionQueue(
      (blocks, sequence) =>
        blocks <= this.pool.available - this.promised() && (!sequence || this.running.length < logitRows),
    )
  }

  /** No sequence runs or waits. */
  get idle(): boolean {
    return this.running.length === 0 && this.waiting.sequences === 0
  }

  add(s: Sequence): void {
    this.waiting.push({
      sequence: true,
      blocks: this.blocksOf(s),
      ended: () => s.finishReason !== null,
      admit: () => this.start(s),
      fail: (error) => s.fail(error),
    })
  }

  /**
   * `count` blocks for work that is no sequence, once they are free of what admitted sequences may still need; in turn with
   * those that wait. To be given back by `giveBack`. Throws cancelled, and what `fail` was given.
   */
  hold(count: number, signal?: AbortSignal): Promise<number[]> {
    const held = this.waiting.blocks(count, signal, () => Array.from({ length: count }, () => this.take()))
    this.waiting.admit()
    return held
  }

  giveBack(blocks: number[]): void {
    this.pool.release(blocks)
    this.waiting.admit()
  }

  /** Admits those that wait and lays out the next step: one-token entries first. null: nothing to do. */
  next(): ScheduledStep | null {
    this.retire()
    const decoding = this.running.filter((s) => s.ids.length - s.computed === 1)
    const sequences = [...decoding]
    const entries = decoding.map((s) => this.entry(s, 1))
    const budget = wholeBlocks(Math.min(this.prefillTokens, this.maxTokens - entries.length))
    for (const { sequence, count } of this.shares(budget)) {
      sequences.push(sequence)
      entries.push(this.entry(sequence, count))
    }
    return entries.length === 0 ? null : { sequences, entries, budget }
  }

  /** After a step: what was computed counts, full blocks become known to others, and the chunk size follows the clock. */
  computed(step: ScheduledStep, elapsedMs: number): void {
    step.sequences.forEach((s, i) => {
      s.computed += step.entries[i].ids.length
      this.publish(s)
      s.progressed()
    })
    const prefilled = step.entries.filter((e) => e.ids.length > 1).reduce((sum, e) => sum + e.ids.length, 0)
    // A step that was not filled says little about what a full one takes.
    if (prefilled === 0 || prefilled + blockTokens < step.budget) return
    const fitting = (prefilled * stepTargetMs) / Math.max(1, elapsedMs)
    this.prefillTokens = Math.min(this.maxTokens, wholeBlocks(Math.min(fitting, prefilled * 2)))
  }

  /** Gives back the blocks of sequences that are done, and admits others in their place. */
  retire(): void {
    for (const s of this.running) if (s.finishReason) this.pool.release(s.blocks.splice(0))
    this.running = this.running.filter((s) => !s.finishReason)
    this.waiting.admit()
  }

  /** Ends everything with an error: the device is gone. */
  fail(error: Error): void {
    for (const s of this.running) s.fail(error)
    this.waiting.fail(error)
    this.retire()
  }

  /** What each prefill takes of the budget: equal shares, and what short ones leave goes to longer ones. */
  private shares(budget: number): { sequence: Sequence; count: number }[] {
    const missing = (s: Sequence) => s.ids.length - s.computed
    const prefilling = this.running.filter((s) => missing(s) > 1).sort((a, b) => missing(a) - missing(b))
    const shares: { sequence: Sequence; count: number }[] = []
    prefilling.forEach((sequence, i) => {
      const wanted = missing(sequence)
      const share = Math.min(budget, wholeBlocks(budget / (prefilling.length - i)))
      if (share < Math.min(wanted, blockTokens)) return
      const left = wanted - share
      const count = left <= 0 ? wanted : left < leastChunk ? share - leastChunk : share
      budget -= count
      shares.push({ sequence, count })
    })
    return shares
  }

  private start(s: Sequence): void {
    // The last tokens are always computed: their logits are what the answer begins with.
    const most = wholeBlocks(Math.max(0, s.ids.length - leastChunk), 0)
    s.blocks = this.pool.takePrefix(s.ids, most)
    s.computed = s.cachedTokens = s.blocks.length * blockTokens
    this.publish(s)
    s.started()
    this.running.push(s)
  }

  private blocksOf(s: Sequence): number {
    return Math.ceil(Math.min(s.reservedTokens, this.contextLength) / blockTokens)
  }

  /** Blocks the running sequences may still ask for. */
  private promised(): number {
    return this.running.reduce((sum, s) => sum + (s.finishReason ? 0 : this.blocksOf(s) - s.blocks.length), 0)
  }

  private publish(s: Sequence): void {
    for (; (s.published + 1) * blockTokens <= s.computed; s.published++)
      s.prefix = this.pool.publish(s.blocks[s.published], s.prefix, s.ids, (s.published + 1) * blockTokens)
  }

  private entry(s: Sequence, count: number): StepEntry {
    while (s.blocks.length * blockTokens < s.computed + count) s.blocks.push(this.take())
    const ids = s.ids.slice(s.computed, s.computed + count)
    return {
      ids,
      position: s.computed,
      blocks: [...s.blocks],
      logits: s.computed + count === s.ids.length ? 'last' : 'none',
    }
  }

  private take(): number {
    const block = this.pool.take()
    if (block === null) throw new MoruError('internal', 'More blocks were promised than the key/value cache has.')
    return block
  }
}

/** The largest multiple of a block's tokens up to `tokens`, at least `least`. */
const wholeBlocks = (tokens: number, least = blockTokens): number =>
  Math.max(least, Math.floor(tokens / blockTokens) * blockTokens)
