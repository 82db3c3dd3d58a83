/**
 * What tracing costs a token: answers of the bundled model with and without it, taking turns, and the tracer's own time
 * for such an answer, its write to the database included.
 *
 *   node bench/run.mjs trace-cost [--pairs 8] [--tokens 64]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { type GenerateEvent } from '../src/main/engine'
import { inProcessClient } from '../src/main/host/client'
import { compose } from '../src/main/host/compose'
import { openStore } from '../src/main/store'
import { type CallRecorder, step, Tracer, tracedGeneration, untraced } from '../src/main/trace'
import { settingsUpdate } from '../src/shared/contract/settings'
import { textGenerate } from '../src/shared/contract/text'

const { values: options } = parseArgs({
  options: { pairs: { type: 'string', default: '8' }, tokens: { type: 'string', default: '64' } },
})
const pairs = Number(options.pairs)
const tokens = Number(options.tokens)
const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]
const folder = mkdtempSync(join(tmpdir(), 'moru-bench-'))

/** Milliseconds of tracing for an answer of so many tokens: the same calls with a tracer and without, and a write each. */
async function ownMs(): Promise<number> {
  const store = openStore(join(folder, 'own'))
  const tracer = new Tracer(store, (error) => {
    throw error
  })
  const text = 'An anvil is a block of iron with a flat top. '.repeat(6)
  async function* generation(): AsyncGenerator<GenerateEvent> {
    yield { kind: 'prefill', done: 40, total: 40 }
    for (let i = 0; i < tokens; i++) yield { kind: 'token', id: i, text: 'word', detail: null }
    const usage = { promptTokens: 40, cachedTokens: 0, completionTokens: tokens }
    const figures = { ttftMs: 1, prefillTokensPerSecond: 1, decodeTokensPerSecond: 1 }
    yield { kind: 'finished', finishReason: 'stop', tokenIds: [], text: '', usage, ...figures }
  }
  const answer = (recorder: CallRecorder) =>
    recorder.run('chat', { attributes: {}, input: () => [{ role: 'user', content: text }] }, async (span) => {
      await step('load', {}, async () => undefined)
      await step('prompt', {}, async () => undefined)
      for await (const event of tracedGeneration(generation())) if (event.kind === 'finished') break
      span?.output([{ role: 'assistant', content: text }])
    })
  const time = async (work: () => Promise<void>) => {
    const rounds = 200
    const started = performance.now()
    for (let i = 0; i < rounds; i++) await work()
    return (performance.now() - started) / rounds
  }
  const traced = async () => {
    await answer(tracer)
    tracer.flush()
  }
  await time(traced)
  const differences: number[] = []
  for (let i = 0; i < 5; i++) differences.push((await time(traced)) - (await time(() => answer(untraced))))
  tracer.close()
  store.close()
  return median(differences)
}

const services = await compose(join(folder, 'profile'), {
  log: pino({ level: 'silent' }),
  bundledModels: resolve('resources/models'),
  exclusive: true,
  restart: () => undefined,
})
const client = inProcessClient(services.handlers, services.close)
try {
  /** Milliseconds a token while decoding. */
  const perToken = async (enabled: boolean): Promise<number> => {
    await client.request(settingsUpdate, { tracing: { enabled } })
    const source = { kind: 'text' as const, text: 'The history of iron begins with' }
    const sampling = { temperature: 0, maxTokens: tokens }
    for await (const event of client.stream(textGenerate, { model: null, source, sampling }))
      if (event.kind === 'finished') return 1000 / event.timings.decodeTokensPerSecond
    throw new Error('the answer ended without its end')
  }
  await perToken(true)
  const times: Record<'with' | 'without', number[]> = { with: [], without: [] }
  for (let i = 0; i < pairs; i++)
    for (const enabled of i % 2 ? [false, true] : [true, false])
      times[enabled ? 'with' : 'without'].push(await perToken(enabled))
  const [on, off] = [median(times.with), median(times.without)]
  const own = (await ownMs()) / tokens
  console.log(
    `a token takes ${off.toFixed(2)} ms without tracing, ${on.toFixed(2)} ms with it: ratio of medians ${(on / off).toFixed(4)}`,
  )
  console.log(`without ${times.without.map((ms) => ms.toFixed(1)).join(' ')}`)
  console.log(`with    ${times.with.map((ms) => ms.toFixed(1)).join(' ')}`)
  console.log(`tracing's own time: ${(own * 1000).toFixed(1)} us a token, ${((100 * own) / off).toFixed(3)} % of it`)
} finally {
  await client.close()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(0)
