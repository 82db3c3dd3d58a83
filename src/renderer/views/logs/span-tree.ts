/** Spans in the order of a waterfall. */
import { type TraceSpan } from '../../../shared/contract/traces'

interface SpanRow {
  span: TraceSpan
  depth: number
}

/** Parents before their children, these by their start, each with how deep it lies. A span without its parent stands on top. */
export function spanRows(spans: readonly TraceSpan[]): SpanRow[] {
  const known = new Set(spans.map(({ id }) => id))
  const children = new Map<string | null, TraceSpan[]>()
  for (const span of [...spans].sort((a, b) => a.startedAt - b.startedAt)) {
    const parent = span.parentId !== null && known.has(span.parentId) ? span.parentId : null
    children.set(parent, [...(children.get(parent) ?? []), span])
  }
  const below = (parent: string | null, depth: number): SpanRow[] =>
    (children.get(parent) ?? []).flatMap((span) => [{ span, depth }, ...below(span.id, depth + 1)])
  return below(null, 0)
}
