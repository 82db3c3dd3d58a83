/** The scheduler alone: its steps are carried out on paper, so that thousands of requests take a second. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MoruError } from '../../../src/shared/errors'
import { BlockPool } from '../../../src/main/engine/runtime/block-pool'
import { Scheduler, type ScheduledStep } from '../../../src/main/engine/runtime/scheduler'
import { Sequence } from '../../../src/main/engine/runtime/sequence'
import { loadTokenizerFromMetadata } from '../../../src/main/engine/tokenizer/load'
import { type Sampling } from '../../../src/shared/contract/sampling'
import { smollm2 } from '../tokenizer/smollm2'
import { idsOf, request } from './tiny-models'

const { tokenizer } = loadTokenizerFromMetadata(smollm2)
/** A token that ends nothing. */
const word = 300

const sequenceOf = (promptIds: number[], own: Partial<Sampling> & { signal?: AbortSignal } = {}) =>
  new Sequence(request(promptIds, own), tokenizer)

/** Carries a step out: every entry that asked for logits gets a token. */
function carryOut(scheduler: Scheduler, step: ScheduledStep, contextLength: number, elapsedMs = 100): void {
  scheduler.computed(step, elapsedMs)
  step.sequences.forEach((s, i) => {
    if (step.entries[i].logits === 'last' && !s.finishReason) s.accept({ id: word, detail: null }, contextLength)
  })
  scheduler.retire()
}

/** What must hold of every step. */
function check(step: ScheduledStep, maxTokens: number): void {
  const counts = step.entries.map((e) => e.ids.length)
  expect(counts.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(maxTokens)
  const runs = counts.findIndex((n) => n > 1)
  if (runs >= 0) expect(counts.slice(runs).every((n) => n > 1)).toBe(true)
  // A block that is written belongs to its sequence alone.
  const written = step.entries.flatMap((e) => e.blocks.slice(Math.floor(e.position / 16)))
  expect(new Set(written).size).toBe(written.length)
  for (const e of step.entries) expect(e.blocks.length * 16).toBeGreaterThanOrEqual(e.position + e.ids.length)
  step.sequences.forEach((s, i) => {
    const { ids, position } = step.entries[i]
    expect(ids).toEqual(s.ids.slice(position, position + ids.length))
    // Fewer than four tokens at a time would be computed by other kernels; only the prompt itself can be that short.
    if (ids.length > 1 && s.promptTokens - s.cachedTokens >= 4) expect(ids.length).toBeGreaterThanOrEqual(4)
  })
}

describe('Scheduler', () => {
  it('admits no more than the cache can hold, ends every request, and keeps no block, whatever comes', async () => {
    const arriving = fc.record({
      step: fc.nat(30),
      prompt: fc.integer({ min: 1, max: 250 }),
      seed: fc.nat(2),
      maxTokens: fc.integer({ min: 1, max: 40 }),
      cancelAfter: fc.option(fc.nat(10), { nil: null }),
      kind: fc.constantFrom('generate', 'generate', 'generate', 'score'),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(arriving, { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 16, max: 40 }),
        async (requests, blocks) => {
          const contextLength = 256
          const pool = new BlockPool(blocks)
          const scheduler = new Scheduler(pool, contextLength, 128)
          const all: { s: Sequence; abort: AbortController; cancelAt: number | null }[] = []
          const scored: Promise<unknown>[] = []
          for (let n = 0; n < 2000 && (n <= 30 || !scheduler.idle); n++) {
            for (const r of requests.filter((r) => r.step === n)) {
              const abort = new AbortController()
              if (r.kind === 'score') {
                scored.push(
                  scheduler.hold(Math.ceil(r.prompt / 16), abort.signal).then(async (held) => {
                    await new Promise((resolve) => setImmediate(resolve))
                    scheduler.giveBack(held)
                  }),
                )
                continue
              }
              const s = sequenceOf(idsOf(r.prompt, r.seed), { maxTokens: r.maxTokens, signal: abort.signal })
              all.push({ s, abort, cancelAt: r.cancelAfter === null ? null : n + r.cancelAfter })
              scheduler.add(s)
            }
            for (const { abort, cancelAt } of all) if (cancelAt === n) abort.abort()
            const step = scheduler.next()
            if (step) {
              check(step, 128)
              carryOut(scheduler, step, contextLength, n % 7 === 0 ? 3000 : 50)
            } else await new Promise((resolve) => setImmediate(resolve))
          }
          await Promise.all(scored)
          expect(scheduler.idle).toBe(true)
          for (const { s, cancelAt } of all) {
            expect(s.finishReason).not.toBeNull()
            if (s.finishReason === 'cancelled') expect(cancelAt).not.toBeNull()
          }
          expect(pool.used).toBe(0)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('decodes in every step while a long prompt is computed, and lets short prompts in beside it', () => {
    const scheduler = new Scheduler(new BlockPool(400), 4096, 512)
    const talking = sequenceOf(idsOf(20), { maxTokens: 500 })
    scheduler.add(talking)
    carryOut(scheduler, scheduler.next()!, 4096)
    const long = sequenceOf(idsOf(3000, 1))
    scheduler.add(long)
    carryOut(scheduler, scheduler.next()!, 4096)
    const short = sequenceOf(idsOf(30, 2))
    scheduler.add(short)
    for (let n = 0; long.computed < 3000; n++) {
      const before = talking.ids.length
      const step = scheduler.next()!
      expect(step.sequences[0]).toBe(talking)
      carryOut(scheduler, step, 4096)
      expect(talking.ids.length).toBe(before + 1)
      if (n === 1) expect(short.ids.length).toBeGreaterThan(30)
    }
  })

  it('sizes prefills by the clock, with sequences that decode too', () => {
    const scheduler = new Scheduler(new BlockPool(1000), 16_000, 512)
    scheduler.add(sequenceOf([5], { maxTokens: 900 }))
    carryOut(scheduler, scheduler.next()!, 16_000)
    scheduler.add(sequenceOf(idsOf(15_000)))
    const prefilled = (msPerToken: number) => {
      const step = scheduler.next()!
      const tokens = step.entries.reduce((sum, e) => sum + e.ids.length, 0)
      carryOut(scheduler, step, 16_000, tokens * msPerToken)
      return tokens - 1
    }
    const growing = Array.from({ length: 6 }, () => prefilled(0.1))
    expect(growing).toEqual([64, 128, 256, 496, 496, 496])
    prefilled(10)
    expect(prefilled(10)).toBeLessThanOrEqual(64)
    expect(prefilled(10) * 10).toBeLessThanOrEqual(500)
    for (let n = 0; n < 3; n++) expect(prefilled(1000)).toBeGreaterThanOrEqual(16)
    expect(prefilled(1000)).toBe(16)
  })

  it('runs at most 64 sequences at a time', () => {
    const scheduler = new Scheduler(new BlockPool(1000), 512, 512)
    for (let i = 0; i < 100; i++) scheduler.add(sequenceOf([5 + i], { maxTokens: 5 }))
    expect(scheduler.next()!.entries).toHaveLength(64)
  })

  it('takes a cached beginning, but always computes enough to go through the same kernels', () => {
    const scheduler = new Scheduler(new BlockPool(64), 1024, 512)
    const once = (count: number) => {
      const s = sequenceOf(idsOf(count), { maxTokens: 1 })
      scheduler.add(s)
      while (!s.finishReason) carryOut(scheduler, scheduler.next()!, 1024)
      return s.cachedTokens
    }
    expect(once(100)).toBe(0)
    expect(once(100)).toBe(96)
    expect(once(99)).toBe(80)
    expect(once(96)).toBe(80)
    expect(once(3)).toBe(0)
  })

  it('lets those that wait go when they are cancelled or fail, and work without sequences too', async () => {
    const pool = new BlockPool(8)
    const scheduler = new Scheduler(pool, 128, 512)
    const first = sequenceOf(idsOf(60), { maxTokens: 60 })
    scheduler.add(first)
    carryOut(scheduler, scheduler.next()!, 128)
    const abort = new AbortController()
    const waiting = sequenceOf(idsOf(60, 1), { maxTokens: 60, signal: abort.signal })
    scheduler.add(waiting)
    const held = scheduler.hold(6, abort.signal)
    const failing = scheduler.hold(6)
    abort.abort()
    expect(waiting.finishReason).toBe('cancelled')
    await expect(held).rejects.toMatchObject({ code: 'cancelled' })
    scheduler.fail(new MoruError('device_lost', 'gone'))
    await expect(failing).rejects.toMatchObject({ code: 'device_lost' })
    expect(scheduler.idle).toBe(true)
    expect(pool.used).toBe(0)
  })

  it('serves in turn: scoring that waits is not overtaken', async () => {
    const pool = new BlockPool(8)
    const scheduler = new Scheduler(pool, 128, 512)
    const first = sequenceOf(idsOf(60), { maxTokens: 20 })
    scheduler.add(first)
    carryOut(scheduler, scheduler.next()!, 128)
    const held = scheduler.hold(8)
    const later = sequenceOf(idsOf(20, 1), { maxTokens: 2 })
    scheduler.add(later)
    while (!first.finishReason) carryOut(scheduler, scheduler.next()!, 128)
    const blocks = await held
    expect(later.computed).toBe(0)
    expect(scheduler.next()).toBeNull()
    scheduler.giveBack(blocks)
    while (!later.finishReason) carryOut(scheduler, scheduler.next()!, 128)
    expect(pool.used).toBe(0)
  })
})
