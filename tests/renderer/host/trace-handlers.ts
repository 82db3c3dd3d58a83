/** Calls and runs of a host in memory. */
import { type RunSummary } from '../../../src/shared/contract/runs'
import { type TraceDetail, type TraceFilter } from '../../../src/shared/contract/traces'
import { type World, find, pause } from './handlers'
import { began } from './samples'
import { type Handlers } from './test-host'

/** One that was away when it was tried. */
const collector = {
  endpoint: 'http://127.0.0.1:4318/v1/traces',
  hasHeaders: false,
  sentSpans: 453,
  waitingSpans: 12,
  lastError: 'The collector cannot be reached: ECONNREFUSED.',
  lastSentAt: null,
  lastTriedAt: began,
  reached: false,
  refusedSpans: 3,
}

export function aTrace(change: Partial<TraceDetail> = {}): TraceDetail {
  const startedAt = began
  const step = (id: string, name: string, from: number, durationMs: number, parentId: string | null = 'root') => ({
    id,
    parentId,
    name,
    startedAt: startedAt + from,
    durationMs,
    state: 'ok' as const,
    error: null,
    attributes: {},
  })
  const root = {
    ...step('root', change.kind ?? 'chat', 0, 1000, null),
    attributes: {
      'gen_ai.request.model': 'smollm2-135m-instruct',
      'gen_ai.request.temperature': 0.7,
      'gen_ai.request.max_tokens': 64,
      'gen_ai.data_source.id': 'k1',
    },
  }
  return {
    seq: 1,
    id: 'a'.repeat(32),
    kind: 'chat',
    model: 'smollm2-135m-instruct',
    startedAt,
    durationMs: 1000,
    ttftMs: 320,
    state: 'ok',
    error: null,
    finishReason: 'stop',
    inputTokens: 41,
    outputTokens: 12,
    cache: null,
    conversationId: null,
    messageId: null,
    replayOf: null,
    rating: null,
    comment: null,
    preview: 'Why is iron hard?',
    sizeBytes: 1200,
    spans: [
      root,
      step('load', 'load', 0, 100),
      step('prefill', 'prefill', 100, 220),
      step('decode', 'decode', 320, 680),
    ],
    input: [{ role: 'user', content: 'Why is iron hard?' }],
    output: [{ role: 'assistant', content: 'Because of carbon.' }],
    ...change,
  }
}

export function aRun(change: Partial<RunSummary> = {}): RunSummary {
  return {
    id: 'r1',
    kind: 'bench',
    title: 'decode',
    state: 'done',
    done: 4,
    total: 4,
    unit: 'steps',
    parameters: { suites: ['decode'], load: { kvType: 'f16' } },
    error: null,
    startedAt: began,
    endedAt: began + 9000,
    environment: {
      version: '0.1.0',
      build: 'abc',
      node: 'v24',
      platform: 'linux-x64',
      adapter: 'llvmpipe',
      software: true,
    },
    metrics: { decode: 21.5, 'decode.ratio': 0.4 },
    units: { decode: 'tokens/s' },
    artefacts: [],
    ...change,
  }
}

const passes = (trace: TraceDetail, { text, kinds, states, cacheHit, rated, minDurationMs }: TraceFilter) =>
  (text === undefined || JSON.stringify([trace.input, trace.output, trace.error]).includes(text)) &&
  (kinds === undefined || kinds.includes(trace.kind)) &&
  (states === undefined || states.includes(trace.state)) &&
  (!cacheHit || trace.cache === 'exact') &&
  (!rated || trace.rating !== null) &&
  (minDurationMs === undefined || (trace.durationMs ?? 0) >= minDurationMs)

export function traceHandlers(world: World) {
  const list = (filter: TraceFilter) =>
    [...world.traces.values()].filter((trace) => passes(trace, filter)).sort((a, b) => b.seq - a.seq)
  return {
    tracesList: ({ filter, before, limit, counted }) => {
      const found = list(filter)
      const page = found.filter(({ seq }) => before === undefined || seq < before).slice(0, limit)
      return { traces: page, count: counted ? { value: found.length, more: false } : null }
    },
    tracesGet: ({ id }) => find(world.traces, id),
    async *tracesFollow(_, signal) {
      let said = JSON.stringify([...world.traces.keys()])
      while (!signal.aborted) {
        const now = JSON.stringify([...world.traces.keys()])
        if (now !== said) yield { kind: 'written' as const, traces: list({}) }
        said = now
        await pause(50, signal)
      }
    },
    tracesRemove: ({ what }) => {
      const ids = 'ids' in what ? what.ids : list(what.filter).map(({ id }) => id)
      for (const id of ids) world.traces.delete(id)
      return { removed: ids.length }
    },
    tracesRate: ({ id, rating, comment }) => Object.assign(find(world.traces, id), { rating, comment }),
    async *tracesExport({ filter }) {
      yield {
        text: list(filter)
          .map((trace) => `${JSON.stringify(trace)}\n`)
          .join(''),
        traces: list(filter).length,
      }
    },
    tracesStatus: () => ({
      enabled: true,
      traces: world.traces.size,
      sizeBytes: 1200,
      oldestAt: null,
      models: ['smollm2-135m-instruct'],
      dropped: 0,
      otlp: collector,
    }),
    tracesTryCollector: () => ({ ...collector, lastTriedAt: began, reached: true, lastError: null }),
    tracesSetOtlpHeaders: () => ({}),
    async *textGenerate({ sampling, replayOf }) {
      const text = `At ${sampling.temperature}: alloys.`
      yield { kind: 'token' as const, id: 1, text, detail: null }
      const id = 'b'.repeat(32)
      world.traces.set(id, aTrace({ id, seq: 99, replayOf, output: [{ role: 'assistant', content: text }] }))
    },
    runsList: ({ kinds, search }) =>
      world.runs.filter((run) => (!kinds || kinds.includes(run.kind)) && run.title.includes(search)),
    runsGet: ({ id }) => ({ ...world.runs.find((run) => run.id === id)!, result: null }),
    runsRemove: ({ ids }) => {
      world.runs = world.runs.filter(({ id }) => !ids.includes(id))
      return { removed: ids.length }
    },
    runsExport: ({ folder, ids }) => ({ folder, runs: ids?.length ?? world.runs.length }),
  } satisfies Partial<Handlers>
}
