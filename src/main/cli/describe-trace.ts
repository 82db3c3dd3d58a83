/** A trace for a terminal: its figures, its waterfall, what went in and what came out. */
import { type TraceDetail, type TraceSpan } from '../../shared/contract/traces'
import { table } from './table'

const barWidth = 40

export function describeTrace(trace: TraceDetail): string {
  const head = [
    ['id', trace.id],
    ['kind', trace.kind],
    ['state', trace.error === null ? trace.state : `${trace.state}: ${trace.error}`],
    ['model', trace.model ?? ''],
    ['started', new Date(trace.startedAt).toISOString()],
    ['tokens', `${trace.inputTokens ?? '-'} in, ${trace.outputTokens ?? '-'} out`],
  ]
  const said = (messages: TraceDetail['input']) =>
    messages?.map(({ role, content }) => `[${role}] ${content}\n`).join('') ?? 'not kept\n'
  const root = trace.spans.find(({ parentId }) => parentId === null)
  const attributes = Object.entries(root?.attributes ?? {}).map(([name, value]) => [name, JSON.stringify(value)])
  return `${table(head)}\n${waterfall(trace)}\n${table(attributes)}\nin:\n${said(trace.input)}\nout:\n${said(trace.output)}`
}

function waterfall({ spans, startedAt, durationMs }: TraceDetail): string {
  const total = Math.max(durationMs ?? 0, 1e-3)
  const place = (span: TraceSpan) => {
    const from = Math.min(barWidth - 1, Math.floor(((span.startedAt - startedAt) / total) * barWidth))
    const length = Math.max(1, Math.round((span.durationMs / total) * barWidth))
    return `${' '.repeat(Math.max(0, from))}${'█'.repeat(Math.min(length, barWidth - from))}`.padEnd(barWidth)
  }
  return table(
    inOrder(spans).map(({ span, depth }) => [
      `${'  '.repeat(depth)}${span.name}`,
      place(span),
      `${span.durationMs.toFixed(1)} ms`,
      span.state === 'ok' ? '' : span.state,
    ]),
  )
}

/** Parents before their children, each with how deep it lies. */
function inOrder(spans: readonly TraceSpan[]): { span: TraceSpan; depth: number }[] {
  const children = Map.groupBy(spans, ({ parentId }) => parentId)
  const below = (parent: string | null, depth: number): { span: TraceSpan; depth: number }[] =>
    (children.get(parent) ?? []).flatMap((span) => [{ span, depth }, ...below(span.id, depth + 1)])
  return below(null, 0)
}
