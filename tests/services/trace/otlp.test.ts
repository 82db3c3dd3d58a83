import { describe, expect, it } from 'vitest'
import { step } from '../../../src/main/trace'
import { until } from '../chat/chat-fixture'
import { temporaryFolder } from '../store/temporary-profile'
import { tracing } from './fixture'
import { otlpReceiver } from './otlp-receiver'

type Traced = ReturnType<typeof tracing>

/** Calls of a root and two steps each. */
async function call({ tracer }: Traced, count: number, text = '안녕'): Promise<void> {
  const attributes = { 'gen_ai.request.model': 'smol', 'moru.hits': [{ score: 0.5, ranks: { bm25: null, dense: 1 } }] }
  for (let i = 0; i < count; i++)
    await tracer.run('search', { attributes, input: () => [{ role: 'user', content: text }] }, async (span) => {
      await step('bm25', {}, async () => undefined)
      await step('dense', { n: i, share: 0.25 }, async () => undefined)
      span!.output([{ role: 'document', content: text }])
    })
  tracer.flush()
}
function sendTo({ store, service }: Traced, url: string | null, contents = false): void {
  store.settings.update({ tracing: { otlpEndpoint: url, otlpContents: contents } })
  service.refresh()
}
const ids = (spans: { spanId: string }[]) => spans.map(({ spanId }) => spanId)
const stored = ({ store }: Traced) =>
  store.traces.list({}, null, 1000).flatMap(({ id }) => store.traces.get(id).spans.map((span) => span.id))

describe('sending to a collector', () => {
  it('gives every span exactly once, as the proto has it, and texts only when told to', async () => {
    const receiver = await otlpReceiver()
    const traced = tracing()
    await call(traced, 2, '보내지 않을 글')
    sendTo(traced, receiver.url)
    traced.service.status()
    await call(traced, 150, '보내지 않을 글')
    await until(() => receiver.spans.length >= 450)
    expect(new Set(ids(receiver.spans))).toEqual(new Set(stored(traced).slice(0, 450)))
    expect(receiver.spans).toHaveLength(450)
    expect(receiver.bodies()).not.toContain('보내지')
    const [root] = receiver.spans.filter((span) => span.parentSpanId === undefined)
    expect(root.name).toBe('search smol')
    expect(root.attributes).toContainEqual({ key: 'gen_ai.operation.name', value: { stringValue: 'retrieval' } })
    expect(BigInt(root.endTimeUnixNano) >= BigInt(root.startTimeUnixNano)).toBe(true)
    expect(Math.abs(Number(BigInt(root.startTimeUnixNano) / 1_000_000n) - Date.now())).toBeLessThan(60_000)
    for (const span of receiver.spans) if (span.parentSpanId) expect(ids(receiver.spans)).toContain(span.parentSpanId)
    sendTo(traced, receiver.url, true)
    await call(traced, 1, '보낼 글')
    await until(() => receiver.spans.length === 453)
    expect(receiver.bodies()).toContain('보낼 글')
    expect(traced.service.status().otlp).toMatchObject({ sentSpans: 453, waitingSpans: 0, lastError: null })
  })

  it('tries again while the collector is busy, away, or loses its answers', { timeout: 30_000 }, async () => {
    const receiver = await otlpReceiver((n) => (n === 1 ? 503 : n === 2 ? 429 : n === 3 ? 'lose' : 'take'))
    const traced = tracing()
    sendTo(traced, receiver.url)
    traced.service.status()
    await call(traced, 10)
    await until(() => traced.service.status().otlp.waitingSpans === 0, 20_000)
    const seen = Map.groupBy(ids(receiver.spans), (id) => id)
    expect(new Set(seen.keys())).toEqual(new Set(stored(traced)))
    // Those whose answer was lost came twice, and nothing more often.
    expect([...seen.values()].map((all) => all.length).sort()).toEqual(Array(30).fill(2))
    expect(receiver.requests()).toBe(4)
  })

  it('goes on after a restart where it was, and never holds up a call', async () => {
    const folder = temporaryFolder()
    const receiver = await otlpReceiver()
    await receiver.stop()
    const first = tracing(folder)
    sendTo(first, receiver.url)
    first.service.status()
    const began = performance.now()
    await call(first, 20)
    expect(performance.now() - began).toBeLessThan(2000)
    await until(() => first.service.status().otlp.lastError !== null)
    await first.service.close()
    await receiver.start()
    const second = tracing(folder)
    second.service.refresh()
    await until(() => receiver.spans.length === 60)
    expect(new Set(ids(receiver.spans))).toEqual(new Set(stored(second)))
    expect(receiver.spans).toHaveLength(60)
  })

  it('passes over what the collector refuses for good, and says so', async () => {
    const receiver = await otlpReceiver((n) => (n === 1 ? 400 : 'take'))
    const traced = tracing()
    sendTo(traced, receiver.url)
    traced.service.status()
    await call(traced, 1)
    await until(() => traced.service.status().otlp.waitingSpans === 0)
    expect(traced.service.status().otlp).toMatchObject({ reached: true, refusedSpans: 3, sentSpans: 0 })
    expect(traced.service.status().otlp.lastError).toContain('400')
    await call(traced, 1)
    await until(() => receiver.spans.length === 3)
    expect(traced.service.status().otlp).toMatchObject({ sentSpans: 3, lastError: null })
  })

  it('is tried when asked, without a call', async () => {
    const traced = tracing()
    await expect(traced.service.tryCollector()).rejects.toMatchObject({ code: 'invalid_input' })
    const receiver = await otlpReceiver()
    await receiver.stop()
    sendTo(traced, receiver.url)
    expect(traced.service.status().otlp).toMatchObject({ reached: null, lastTriedAt: null })
    expect(await traced.service.tryCollector()).toMatchObject({ reached: false, lastError: expect.stringMatching(/./) })
    await receiver.start()
    expect(await traced.service.tryCollector()).toMatchObject({ reached: true, lastError: null, sentSpans: 0 })
    expect(receiver.requests()).toBe(1)
    // Another one has not been reached yet.
    sendTo(traced, `${receiver.url}/elsewhere`)
    expect(traced.service.status().otlp).toMatchObject({ reached: null, lastTriedAt: null, lastError: null })
  })

  it('carries headers that no route, file but their own, trace or export shows', async () => {
    const receiver = await otlpReceiver()
    const traced = tracing()
    traced.service.setOtlpHeaders({ authorization: 'Basic collector-secret-1' })
    sendTo(traced, receiver.url, true)
    traced.service.status()
    await call(traced, 1, 'who said Basic collector-secret-1 ?')
    await until(() => receiver.spans.length === 3)
    expect(receiver.headers[0].authorization).toBe('Basic collector-secret-1')
    expect(receiver.bodies()).not.toContain('collector-secret-1')
    let lines = ''
    const signal = new AbortController().signal
    for (const format of ['jsonl', 'otlp', 'ratings'] as const)
      for await (const { text } of traced.service.export({ format, filter: {} }, signal)) lines += text
    expect(lines).toContain('[redacted]')
    expect(lines).not.toContain('collector-secret-1')
    expect(JSON.stringify([traced.service.status(), traced.store.settings.get()])).not.toContain('collector-secret-1')
    expect(traced.service.status().otlp.hasHeaders).toBe(true)
  })
})

describe('export', () => {
  it('writes whole lines, and rated answers as a data set', async () => {
    const traced = tracing()
    await call(traced, 120, '질문')
    const [{ id }] = traced.store.traces.list({}, null, 1)
    traced.store.traces.rate(id, -1, '틀림')
    const read = async (format: 'jsonl' | 'otlp' | 'ratings') => {
      const rows: Record<string, unknown>[] = []
      for await (const { text } of traced.service.export({ format, filter: {} }, new AbortController().signal)) {
        expect(text.endsWith('\n')).toBe(true)
        rows.push(
          ...text
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as Record<string, unknown>),
        )
      }
      return rows
    }
    const lines = await read('jsonl')
    expect(lines).toHaveLength(120)
    expect(lines.at(-1)).toMatchObject({ id, rating: -1, spans: [{}, {}, {}], input: [{ content: '질문' }] })
    expect(await read('otlp')).toHaveLength(120)
    expect(await read('ratings')).toEqual([
      expect.objectContaining({
        id,
        rating: -1,
        label: false,
        comment: '틀림',
        messages: [{ role: 'user', content: '질문' }],
      }),
    ])
  })
})
