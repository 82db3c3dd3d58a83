/** The SQL of a filter over traces. */
import { type TraceFilter } from '../../shared/contract/traces'
import { textQueryOf } from './trace-search'

export interface Selection {
  from: string
  where: string
  values: unknown[]
  /** The column to order and page by. */
  seq: string
}

/** Tables are t (trace), and with a text s (trace_search) and c (trace_content). `before`: only smaller seqs. */
export function selection(filter: TraceFilter, before: number | null): Selection {
  const conditions: string[] = []
  const values: unknown[] = []
  const add = (condition: string, ...own: unknown[]) => {
    conditions.push(condition)
    values.push(...own)
  }
  const among = (column: string, allowed: readonly string[] | undefined) => {
    if (allowed) add(`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(allowed))
  }
  const text = textQueryOf(filter.text ?? '')
  const indexed = text.match !== null
  const seq = indexed ? 's.rowid' : 't.seq'
  if (indexed) add('s.trace_search MATCH ?', text.match)
  if (before !== null) add(`${seq} < ?`, before)
  among('t.kind', filter.kinds)
  among('t.model', filter.models)
  among('t.state', filter.states)
  // Says again what the partial index holds.
  if (filter.states && !filter.states.includes('ok')) add(`t.state <> 'ok'`)
  if (filter.cacheHit) add(`t.cache IN ('exact', 'similar')`)
  if (filter.minDurationMs !== undefined) add('t.duration_ms >= ?', filter.minDurationMs)
  if (filter.startedAfter !== undefined) add('t.started_at >= ?', filter.startedAfter)
  if (filter.startedBefore !== undefined) add('t.started_at < ?', filter.startedBefore)
  if (filter.conversationId !== undefined) add('t.conversation_id = ?', filter.conversationId)
  if (filter.rated !== undefined) add(filter.rated ? 't.rating IS NOT NULL' : 't.rating IS NULL')
  for (const word of text.verify) {
    // Contents are JSON: a quotation mark or a backslash stands there escaped.
    const inside = JSON.stringify(word).slice(1, -1)
    // Hangul knows no case: SQLite finds it by itself, some ten times as fast.
    const holds = word.toUpperCase() === word ? 'instr' : 'holds'
    add(`(${holds}(c.input, ?) OR ${holds}(c.output, ?) OR ${holds}(t.error, ?))`, inside, inside, word)
  }
  return { from: tables(indexed, text.verify.length > 0), where: conditions.join(' AND ') || '1', values, seq }
}

/** The index comes first where there is one: it gives rows in order, so that a page is full before all is looked into. */
function tables(indexed: boolean, looks: boolean): string {
  const content = looks ? ' LEFT JOIN trace_content c ON c.trace_seq = t.seq' : ''
  if (!indexed) return `FROM trace t${content}`
  return `FROM trace_search s CROSS JOIN trace t ON t.seq = s.rowid${content}`
}
