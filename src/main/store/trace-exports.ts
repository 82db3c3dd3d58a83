/** How far each collector has got, and the spans that wait for it. */
import { type TraceMessage, type TraceSpan } from '../../shared/contract/traces'
import { type Database } from './database'
import { type ContentRow, contentOf, selectContent, spanColumns, spanOf, type SpanRow } from './trace-rows'

/** A span on its way to a collector. */
export interface ExportedSpan extends TraceSpan {
  seq: number
  traceId: string
  /** Of root spans alone. */
  input: TraceMessage[] | null
  output: TraceMessage[] | null
}

export function traceExports(db: Database) {
  const unsent = db.prepare<[number, number], SpanRow & { seq: number; traceId: string; traceSeq: number }>(
    `SELECT ${spanColumns}, s.seq, t.id AS traceId, t.seq AS traceSeq
     FROM span s JOIN trace t ON t.seq = s.trace_seq WHERE s.seq > ? ORDER BY s.seq LIMIT ?`,
  )
  const content = db.prepare<[number], ContentRow>(selectContent)
  const unsentCount = db.prepare<[number], number>(`SELECT count(*) FROM span WHERE seq > ?`).pluck()
  const lastSpan = db.prepare<[], number>(`SELECT coalesce(max(seq), 0) FROM span`).pluck()
  const select = db.prepare<[string], { spanSeq: number; sent: number }>(
    `SELECT span_seq AS spanSeq, sent FROM trace_export WHERE endpoint = ?`,
  )
  const put = db.prepare(`INSERT OR REPLACE INTO trace_export (endpoint, span_seq, sent) VALUES (?, ?, ?)`)
  const drop = db.prepare(`DELETE FROM trace_export WHERE endpoint IS NOT ?`)

  return {
    /** How far a collector has got; one that is new begins with what comes from now on. */
    cursor(endpoint: string): { spanSeq: number; sent: number } {
      const found = select.get(endpoint)
      if (found) return found
      drop.run(endpoint)
      put.run(endpoint, lastSpan.get()!, 0)
      return select.get(endpoint)!
    },
    advance: (endpoint: string, spanSeq: number, sent: number): void => void put.run(endpoint, spanSeq, sent),
    forget: (): void => void drop.run(null),
    unsentCount: (spanSeq: number): number => unsentCount.get(spanSeq)!,
    unsent: (spanSeq: number, limit: number): ExportedSpan[] =>
      unsent.all(spanSeq, limit).map(({ traceSeq, ...row }) => {
        const { seq, traceId } = row
        const texts = contentOf(row.parentId === null ? content.get(traceSeq) : undefined)
        return { ...spanOf(row), seq, traceId, ...texts }
      }),
  }
}
