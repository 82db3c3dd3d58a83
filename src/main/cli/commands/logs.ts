/** moru logs list | show | follow | rate | export | delete | status. */
import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { type InputOf } from '../../../shared/contract'
import {
  traceExportFormat,
  type TraceFilter,
  traceFilter,
  traceKind,
  tracesExport,
  tracesFollow,
  tracesGet,
  tracesList,
  tracesRate,
  tracesRemove,
  tracesStatus,
  type TraceSummary,
  traceState,
} from '../../../shared/contract/traces'
import {
  type Action,
  actionOf,
  type Command,
  type Context,
  expectPositionals,
  oneOf,
  pathOf,
  UsageError,
  type Values,
} from '../command'
import { table } from '../table'
import { describeTrace } from '../describe-trace'

const actions: Record<string, Action> = { list, show, follow, rate, export: exportTraces, delete: remove, status }

export const logs: Command = {
  name: 'logs',
  usage:
    '[list] | show ID | follow | rate ID good|bad|none [--comment TEXT] | export [--format jsonl|otlp|ratings] [--out PATH] | ' +
    'delete (ID ... or --all or filters) | status; ' +
    'filters: [--text WORDS] [--kind K] [--model-id ID] [--state S] [--cache-hit] [--slower-than MS] [--since TIME] [--until TIME] [--conversation ID] [--rated] [--limit 50]',
  summary: 'Shows what calls did: lists, searches, follows, judges, exports and deletes their traces',
  options: {
    text: { type: 'string' },
    kind: { type: 'string', multiple: true },
    'model-id': { type: 'string', multiple: true },
    state: { type: 'string', multiple: true },
    'cache-hit': { type: 'boolean' },
    'slower-than': { type: 'string' },
    since: { type: 'string' },
    until: { type: 'string' },
    conversation: { type: 'string' },
    rated: { type: 'boolean' },
    limit: { type: 'string' },
    before: { type: 'string' },
    comment: { type: 'string' },
    format: { type: 'string' },
    out: { type: 'string' },
    all: { type: 'boolean' },
  },
  run: async (values, [name = 'list', ...positionals], context) =>
    actionOf('logs', actions, name)(values, positionals, context),
}

async function list(values: Values, positionals: string[], context: Context): Promise<unknown> {
  expectPositionals(positionals)
  const input: InputOf<typeof tracesList> = {
    filter: filterOf(values),
    limit: values.number('limit') ?? 50,
    before: values.number('before'),
    counted: true,
  }
  const parsed = tracesList.input.safeParse(input)
  if (!parsed.success) throw new UsageError(`--limit or --before: ${parsed.error.issues[0].message}.`)
  const found = await (await context.client()).request(tracesList, input, { signal: context.signal })
  if (!context.json) {
    context.print(table(found.traces.map(row)))
    const { value, more } = found.count!
    context.note(`${found.traces.length} of ${value}${more ? ' or more' : ''}`)
  }
  return found
}

async function show(_: Values, positionals: string[], context: Context): Promise<unknown> {
  const [id] = expectPositionals(positionals, 'ID')
  const trace = await (await context.client()).request(tracesGet, { id }, { signal: context.signal })
  if (!context.json) context.print(describeTrace(trace))
  return trace
}

/** Ends with Ctrl+C, or after --limit traces have ended; with --json a trace a line as it ends. */
async function follow(values: Values, positionals: string[], context: Context): Promise<unknown> {
  expectPositionals(positionals)
  const limit = values.number('limit') ?? Infinity
  const kinds = filterOf(values).kinds
  const ended: TraceSummary[] = []
  const leave = new AbortController()
  const signal = AbortSignal.any([context.signal, leave.signal])
  for await (const event of (await context.client()).stream(tracesFollow, {}, { signal })) {
    if (event.kind !== 'written') continue
    for (const trace of event.traces) {
      if (trace.state === 'running' || (kinds && !kinds.includes(trace.kind))) continue
      if (!context.json) context.print(`${row(trace).join('  ')}\n`)
      ended.push(trace)
      if (ended.length >= limit) return ended
    }
  }
  return ended
}

async function rate(values: Values, positionals: string[], context: Context): Promise<unknown> {
  const [id, judgement] = expectPositionals(positionals, 'ID', 'good, bad or none')
  const ratings: Record<string, 1 | -1 | null> = { good: 1, bad: -1, none: null }
  if (!Object.hasOwn(ratings, judgement)) throw new UsageError(`${judgement}: good, bad or none.`)
  const input = { id, rating: ratings[judgement], comment: values.text('comment') ?? null }
  const trace = await (await context.client()).request(tracesRate, input)
  if (!context.json) context.print(`${row(trace).join('  ')}\n`)
  return trace
}

async function exportTraces(values: Values, positionals: string[], context: Context): Promise<unknown> {
  expectPositionals(positionals)
  const format = oneOf('format', values.filled('format') ?? 'jsonl', traceExportFormat.options)
  const out = values.filled('out')
  if (context.json && out === undefined) throw new UsageError('--out is missing: with --json the lines go to a file.')
  const file = out === undefined ? null : createWriteStream(pathOf(out))
  let traces = 0
  if (file) await once(file, 'open')
  for await (const event of (await context.client()).stream(
    tracesExport,
    { format, filter: filterOf(values) },
    { signal: context.signal },
  )) {
    traces = event.traces
    if (!file) context.print(event.text)
    else if (!file.write(event.text)) await once(file, 'drain')
    if (file) context.progress(`${traces} traces`)
  }
  if (file) await new Promise<void>((resolve, reject) => file.once('error', reject).end(resolve))
  if (!context.json && file) context.note(`${traces} traces in ${out}`)
  return { path: out === undefined ? null : pathOf(out), traces }
}

async function remove(values: Values, ids: string[], context: Context): Promise<unknown> {
  const filter = filterOf(values)
  const filtered = Object.values(filter).some((value) => value !== undefined)
  if ([ids.length > 0, filtered, values.flag('all')].filter(Boolean).length !== 1)
    throw new UsageError('Say what to delete: IDs, filters, or --all.')
  const what = ids.length > 0 ? { ids } : { filter }
  const result = await (await context.client()).request(tracesRemove, { what }, { signal: context.signal })
  if (!context.json) context.print(`${result.removed} traces deleted.\n`)
  return result
}

async function status(_: Values, positionals: string[], context: Context): Promise<unknown> {
  expectPositionals(positionals)
  const found = await (await context.client()).request(tracesStatus, {}, { signal: context.signal })
  const { enabled, traces, sizeBytes, otlp } = found
  if (!context.json) {
    context.print(`tracing is ${enabled ? 'on' : 'off'}; ${traces} traces, ${(sizeBytes / 1e6).toFixed(1)} MB\n`)
    if (otlp.endpoint !== null)
      context.print(
        `${otlp.endpoint}: ${otlp.sentSpans} spans sent, ${otlp.waitingSpans} waiting, ${otlp.refusedSpans} refused. ${otlp.lastError ?? ''}\n`,
      )
  }
  return found
}

function filterOf(values: Values): TraceFilter {
  const filter = {
    text: values.filled('text'),
    kinds: several(values, 'kind')?.map((kind) => oneOf('kind', kind, traceKind.options)),
    models: several(values, 'model-id'),
    states: several(values, 'state')?.map((state) => oneOf('state', state, traceState.options)),
    cacheHit: values.flag('cache-hit') || undefined,
    minDurationMs: values.number('slower-than'),
    startedAfter: timeOf(values, 'since'),
    startedBefore: timeOf(values, 'until'),
    conversationId: values.filled('conversation'),
    rated: values.flag('rated') || undefined,
  }
  const parsed = traceFilter.safeParse(filter)
  if (!parsed.success) throw new UsageError(`A filter is not valid: ${parsed.error.issues[0].message}.`)
  return filter
}

const several = (values: Values, name: string): string[] | undefined => {
  const all = values.texts(name)
  return all.length > 0 ? all : undefined
}

const units: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A date and time as ISO 8601 has them, or how long ago: 30m, 24h, 7d. */
function timeOf(values: Values, name: string): number | undefined {
  const text = values.filled(name)
  if (text === undefined) return undefined
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? []
  const time = count === undefined ? Date.parse(text) : Date.now() - Number(count) * units[unit]
  if (Number.isNaN(time))
    throw new UsageError(`--${name} ${text}: a time such as 2026-11-27T09:00, or 30m, 24h, 7d ago.`)
  return time
}

const row = (trace: TraceSummary): string[] => [
  trace.id,
  new Date(trace.startedAt).toLocaleString('sv'),
  trace.kind,
  trace.state,
  trace.durationMs === null ? '' : `${Math.round(trace.durationMs)} ms`,
  trace.outputTokens === null ? '' : `${trace.outputTokens} tokens`,
  trace.cache === 'exact' || trace.cache === 'similar' ? 'cached' : '',
  trace.error?.slice(0, 60) ?? trace.preview.slice(0, 60),
]
