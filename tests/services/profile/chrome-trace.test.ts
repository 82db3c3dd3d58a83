/** A timeline's file against the Trace Event Format: the fields that Perfetto's importer reads, and their types. */
import { expect, it } from 'vitest'
import { z } from 'zod'
import { chromeTrace } from '../../../src/shared/chrome-trace'
import { type Timeline } from '../../../src/shared/contract/profiler'

const common = { pid: z.number().int(), tid: z.number().int(), args: z.record(z.string(), z.unknown()) }
const duration = z.number().nonnegative().finite()
/** Complete ("X") and metadata ("M") events as the format's document describes them. */
const traceFile = z.strictObject({
  displayTimeUnit: z.enum(['ms', 'ns']),
  otherData: z.record(z.string(), z.string()),
  traceEvents: z.array(
    z.discriminatedUnion('ph', [
      z.strictObject({ ph: z.literal('X'), name: z.string().min(1), cat: z.string(), ts: duration, dur: duration, ...common }), // prettier-ignore
      z.strictObject({ ph: z.literal('M'), name: z.enum(['process_name', 'thread_name', 'thread_sort_index']), ...common }), // prettier-ignore
    ]),
  ),
})

const timeline: Timeline = {
  steps: [{ phase: 'prefill', beginMs: 1, elapsedMs: 9 }],
  events: [
    { lane: 'host', name: 'record', scope: '', step: 0, beginMs: 1, elapsedMs: 2 },
    { lane: 'submit', name: 'submit', scope: '', step: 0, beginMs: 3, elapsedMs: 0.5 },
    { lane: 'gpu', name: 'rms_norm', scope: 'layer.0', step: 0, beginMs: 3.5, elapsedMs: 0.25 },
    // A clock that stepped back must not make a negative duration.
    { lane: 'submit', name: 'wait', scope: '', step: 0, beginMs: 4, elapsedMs: -1e-6 },
  ],
}

it('is valid, in microseconds, with a named thread for each lane', () => {
  const trace = chromeTrace(timeline, { model: 'a model' })
  const parsed = traceFile.parse(JSON.parse(JSON.stringify(trace)))
  const names = parsed.traceEvents.filter((e) => e.ph === 'M' && e.name === 'thread_name').map((e) => e.args.name)
  expect(names).toEqual(['steps', 'host', 'submit', 'gpu'])
  const kernel = parsed.traceEvents.find((e) => e.name === 'rms_norm')
  expect(kernel).toMatchObject({ ph: 'X', cat: 'gpu', ts: 3500, dur: 250, args: { step: 0, scope: 'layer.0' } })
  expect(parsed.traceEvents.filter((e) => e.ph === 'X')).toHaveLength(5)
})

it('nests: events of a thread either contain one another or do not touch, as slices must', () => {
  const events = chromeTrace(timeline, {}).traceEvents.filter((e) => e.ph === 'X')
  for (const tid of new Set(events.map((e) => e.tid))) {
    const own = events.filter((e) => e.tid === tid).sort((a, b) => a.ts - b.ts || b.dur - a.dur)
    own.slice(1).forEach((e, i) => {
      const before = own[i]
      const [end, ownEnd] = [before.ts + before.dur, e.ts + e.dur]
      expect(e.ts >= end - 1e-6 || ownEnd <= end + 1e-6).toBe(true)
    })
  }
})
