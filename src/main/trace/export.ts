/** Traces as files: a trace a line, OTLP, or the rated answers as a data set. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { type TraceDetail, type tracesExport } from '../../shared/contract/traces'
import { throwIfCancelled } from '../../shared/errors'
import { type Store } from '../store'
import { exportRequest } from './otlp-json'

/** Traces between two turns of the event loop. */
const portion = 50

type Input = ParsedInputOf<typeof tracesExport>

/** Oldest first. Ends early with `cancelled` when the signal fires. */
export async function* exportLines(
  { traces }: Pick<Store, 'traces'>,
  { format, filter }: Input,
  signal: AbortSignal,
): AsyncGenerator<EventOf<typeof tracesExport>> {
  const wanted = format === 'ratings' ? { ...filter, rated: true } : filter
  for (let after = 0, count = 0; ;) {
    throwIfCancelled(signal)
    const page = traces.page(wanted, after, portion)
    if (page.length === 0) return
    after = page.at(-1)!.seq
    const lines = page.flatMap(({ id }) => lineOf[format](traces.get(id)) ?? [])
    count += lines.length
    if (lines.length > 0) yield { text: lines.map((line) => `${JSON.stringify(line)}\n`).join(''), traces: count }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** What a trace's line holds; null: it has none in this format. */
const lineOf: Record<Input['format'], (trace: TraceDetail) => unknown> = {
  jsonl: ({ seq: _seq, ...trace }) => trace,
  otlp: (trace) => {
    const { spans, id: traceId, input, output } = trace
    if (spans.length === 0) return null
    const exported = spans.map((span) => {
      const root = span.parentId === null
      return { ...span, seq: 0, traceId, input: root ? input : null, output: root ? output : null }
    })
    return exportRequest(exported, true)
  },
  ratings: ({ id, kind, model, startedAt, input, output, rating, comment }) => ({
    id,
    kind,
    model,
    createdAt: new Date(startedAt).toISOString(),
    messages: [...(input ?? []), ...(output ?? []).filter(({ role }) => role === 'assistant')],
    rating,
    label: rating === 1,
    comment,
  }),
}
