import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { type GenerateEvent } from '../../../src/main/engine'
import { currentSpan, step, tracedGeneration } from '../../../src/main/trace'
import { MoruError } from '../../../src/shared/errors'
import { traceDetail } from '../../../src/shared/contract/traces'
import { tracing } from './fixture'

const finished: GenerateEvent = {
  kind: 'finished',
  finishReason: 'stop',
  tokenIds: [1, 2],
  text: '',
  usage: { promptTokens: 7, cachedTokens: 3, completionTokens: 2 },
  ttftMs: 5,
  prefillTokensPerSecond: 100,
  decodeTokensPerSecond: 20,
}
async function* generation(events: GenerateEvent[] = [finished]): AsyncGenerator<GenerateEvent> {
  yield { kind: 'prefill', done: 7, total: 7 }
  yield { kind: 'token', id: 1, text: 'a', detail: null }
  yield* events
}
const read = async (events: AsyncIterable<GenerateEvent>) => {
  for await (const event of events) if (event.kind === 'finished') break
}

describe('a call', () => {
  it('is a tree of steps with figures by the conventions', async () => {
    const { tracer, store } = tracing()
    const asked = () => [{ role: 'user' as const, content: '왜?' }]
    await tracer.run('ask', { attributes: { 'gen_ai.request.model': 'smol' }, input: asked }, async (span) => {
      await step('retrieve', {}, () =>
        tracer.run('search', {}, async (inner) => inner!.set({ 'moru.hits': [{ score: 1 }] })),
      )
      await step('generate', {}, () => read(tracedGeneration(generation())))
      await step('generate', {}, () => read(tracedGeneration(generation())))
      span!.output([{ role: 'assistant', content: '그냥' }])
    })
    tracer.flush()
    const [summary] = store.traces.list({}, null, 10)
    const trace = traceDetail.parse(store.traces.get(summary.id))
    const parentOf = (name: string) =>
      trace.spans.find(({ id }) => id === trace.spans.find((s) => s.name === name)?.parentId)?.name
    expect(trace).toMatchObject({
      kind: 'ask',
      state: 'ok',
      model: 'smol',
      inputTokens: 14,
      outputTokens: 4,
      ttftMs: 5,
    })
    expect(trace).toMatchObject({
      finishReason: 'stop',
      preview: '왜?',
      input: [{ content: '왜?' }],
      output: [{ content: '그냥' }],
    })
    expect(trace.spans.map(({ name }) => name).sort()).toEqual(
      ['ask', 'decode', 'decode', 'generate', 'generate', 'prefill', 'prefill', 'retrieve', 'search'].sort(),
    )
    expect([parentOf('search'), parentOf('prefill'), parentOf('retrieve')]).toEqual(['retrieve', 'generate', 'ask'])
    expect(trace.spans.find(({ name }) => name === 'search')?.attributes).toMatchObject({
      'gen_ai.operation.name': 'retrieval',
      'gen_ai.provider.name': 'moru',
      'moru.hits': [{ score: 1 }],
    })
    for (const span of trace.spans)
      expect(span.startedAt + span.durationMs).toBeLessThanOrEqual(trace.startedAt + trace.durationMs! + 0.01)
  })

  it('keeps errors, cancellations and readers that left apart', async () => {
    const { tracer, store } = tracing()
    const fail = (error: MoruError) => tracer.run('generate', {}, () => step('load', {}, () => Promise.reject(error)))
    await expect(fail(new MoruError('out_of_memory', 'too big'))).rejects.toThrow('too big')
    await expect(fail(new MoruError('cancelled', 'stopped'))).rejects.toThrow('stopped')
    await tracer.run('chat', {}, () => read(tracedGeneration(generation([{ ...finished, finishReason: 'cancelled' }]))))
    await tracer.run('chat', {}, async () => {
      for await (const event of tracedGeneration(generation())) if (event.kind === 'token') break
    })
    tracer.flush()
    const states = store.traces.list({}, null, 10).map(({ id }) => {
      const { state, error, spans } = store.traces.get(id)
      return { state, error, steps: spans.filter((s) => s.parentId !== null).map((s) => `${s.name} ${s.state}`) }
    })
    expect(states).toEqual([
      { state: 'ok', error: null, steps: ['prefill ok', 'decode cancelled'] },
      { state: 'cancelled', error: null, steps: ['prefill ok', 'decode cancelled'] },
      { state: 'cancelled', error: null, steps: ['load cancelled'] },
      { state: 'error', error: 'too big', steps: ['load error'] },
    ])
  })

  it('leaves no trace where tracing is off, and no texts where those are', async () => {
    const { tracer, store } = tracing()
    const call = () =>
      tracer.run('chat', { input: () => [{ role: 'user', content: '비밀' }] }, async (span) => {
        span?.output([{ role: 'assistant', content: '대답' }])
        return currentSpan() !== undefined
      })
    store.settings.update({ tracing: { enabled: false } })
    tracer.refresh()
    expect(await call()).toBe(false)
    store.settings.update({ tracing: { enabled: true, contents: false } })
    tracer.refresh()
    expect(await call()).toBe(true)
    tracer.flush()
    const all = store.traces.list({}, null, 10)
    expect(all).toMatchObject([{ preview: '', state: 'ok' }])
    expect(store.traces.get(all[0].id)).toMatchObject({ input: null, output: null })
  })

  it('is written within a second, and is running until it ends', async () => {
    const { tracer, store } = tracing()
    let batches = 0
    tracer.onWritten.add(() => (batches += 1))
    const end = Promise.withResolvers<void>()
    const call = tracer.run('chat', { input: () => [{ role: 'user', content: '길게' }] }, () => end.promise)
    await sleep(1100)
    expect(store.traces.list({}, null, 1)).toMatchObject([{ state: 'running', durationMs: null, preview: '길게' }])
    end.resolve()
    await call
    await sleep(1100)
    expect(store.traces.list({}, null, 2)).toMatchObject([{ state: 'ok', preview: '길게' }])
    expect(batches).toBe(2)
  })

  it('costs only traces when the disk takes no more', async () => {
    const { folder, tracer, troubles } = tracing()
    const db = new Sqlite(join(folder, 'moru.db'))
    db.exec('DROP TABLE span')
    db.close()
    expect(await tracer.run('chat', {}, async () => 7)).toBe(7)
    tracer.flush()
    expect(troubles).toHaveLength(1)
    expect(tracer.dropped).toBe(1)
  })
})

describe('secrets', () => {
  const secrets = {
    hub: 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345',
    openai: 'sk-proj-abcdefghijklmnopqrstuvwxyz0123456789',
    bearer: 'Bearer 0123456789abcdef0123456789',
    github: 'ghp_abcdefghijklmnopqrstuvwxyz0123456789',
    resident: '900101-1234567',
    stored: 'plain-looking-token',
    own: 'ORDER-4711',
  }

  it('appear in no file of the profile, while conversations keep what was typed', async () => {
    const { folder, tracer, store } = tracing()
    store.settings.setHubToken(secrets.stored)
    const { redactPatterns } = store.settings.get().tracing
    store.settings.update({ tracing: { redactPatterns: [...redactPatterns, 'ORDER-\\d+'] } })
    const all = Object.values(secrets).join(' 그리고 ')
    await expect(
      tracer.run(
        'ask',
        { attributes: { 'moru.question': all, list: [{ deep: all }] }, input: () => [{ role: 'user', content: all }] },
        async (span) => {
          span!.output([{ role: 'assistant', content: `${'x'.repeat(99_990)}${all}` }])
          await step('recall', { 'moru.cache.question': all }, async () => undefined)
          throw new MoruError('network', all)
        },
      ),
    ).rejects.toThrow()
    tracer.flush()
    const run = {
      id: 'r',
      kind: 'bench',
      title: all,
      state: 'failed',
      done: 0,
      total: null,
      unit: 'steps',
      parameters: { a: [all] },
    } as const
    store.runs.add({
      ...run,
      parameters: { a: [all] },
      result: { b: all },
      error: all,
      startedAt: 1,
      endedAt: 2,
      environment: null,
    })
    const [trace] = store.traces.list({}, null, 1)
    expect(store.traces.get(trace.id).input![0].content).toBe(
      Array.from({ length: 7 }, () => '[redacted]').join(' 그리고 '),
    )
    store.traces.forgetLog()
    for (const name of readdirSync(folder)) {
      if (name === 'hub-token') continue
      for (const [kind, secret] of Object.entries(secrets))
        expect(readFileSync(join(folder, name)).includes(secret), `${kind} in ${name}`).toBe(false)
    }
    const { id: conversationId } = store.conversations.create('', {})
    const message = store.messages.add({ conversationId, parentId: null, role: 'user', text: all })
    expect(store.messages.get(message.id).text).toBe(all)
  })

  it('are left out altogether where a pattern never ends', async () => {
    const { tracer, store } = tracing()
    store.settings.update({ tracing: { redactPatterns: ['(a+)+$'] } })
    await tracer.run('chat', { input: () => [{ role: 'user', content: `${'a'.repeat(40)}!` }] }, async () => undefined)
    tracer.flush()
    expect(store.traces.list({}, null, 1)[0].preview).toBe('[left out: a redaction pattern took too long]')
  })
})
