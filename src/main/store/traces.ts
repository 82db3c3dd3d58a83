/** Traces with their spans and contents: written in batches, listed, filtered, searched, rated, and removed for good. */
import {
  type TraceDetail,
  type TraceFilter,
  type TraceMessage,
  type TraceSpan,
  type TraceSummary,
} from '../../shared/contract/traces'
import { MoruError } from '../../shared/errors'
import { type Database } from './database'
import { traceExports } from './trace-exports'
import { selection } from './trace-filter'
import {
  contentOf,
  type ContentRow,
  jsonOf,
  selectContent,
  spanColumns,
  spanOf,
  type SpanRow,
  traceColumns,
} from './trace-rows'
import { folded, gramsOf } from './trace-search'

/** A trace as the recorder has it; `seq` and rating are the database's. */
export type TraceRecord = Omit<TraceSummary, 'seq' | 'rating' | 'comment' | 'sizeBytes'>

/** What a batch has of one trace. */
export interface TraceWrite {
  trace: TraceRecord
  /** Spans that ended since the last batch. */
  spans: TraceSpan[]
  /** Given when it changed; null otherwise, and where contents are not kept. */
  content: { input: TraceMessage[] | null; output: TraceMessage[] | null } | null
}

/** Counting what has to be looked into stops here, or when it has taken so long. */
const countLimit = 1000
const countWithinMs = 100
/** Of so many traces between two looks at the clock. */
const countedAtATime = 25_000
/** Pages that one step of tidying the search index merges: some 50 ms. */
const mergedPages = 200

/** All that is searched of a trace. */
function searchedText(row: ContentRow | undefined, error: string | null): string {
  const { input, output } = contentOf(row)
  return [...(input ?? []), ...(output ?? [])]
    .map((message) => message.content)
    .concat(error ?? '')
    .join('\n')
}

/** `db`: a connection of its own (store.ts says why). */
export function traceRepository(db: Database) {
  // Unicode's case, which SQLite's LIKE does not know.
  db.function('holds', { deterministic: true }, (text: unknown, word: unknown) =>
    typeof text === 'string' && folded(text).includes(String(word)) ? 1 : 0,
  )
  const put = db.prepare(
    `INSERT INTO trace (id, kind, model, started_at, duration_ms, ttft_ms, state, error, finish_reason, input_tokens,
       output_tokens, cache, conversation_id, message_id, replay_of, preview)
     VALUES (@id, @kind, @model, @startedAt, @durationMs, @ttftMs, @state, @error, @finishReason, @inputTokens,
       @outputTokens, @cache, @conversationId, @messageId, @replayOf, @preview)
     ON CONFLICT (id) DO UPDATE SET model = excluded.model, duration_ms = excluded.duration_ms, ttft_ms = excluded.ttft_ms,
       state = excluded.state, error = excluded.error, finish_reason = excluded.finish_reason,
       input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, cache = excluded.cache,
       message_id = excluded.message_id, preview = excluded.preview`,
  )
  const lastSeq = db.prepare<[], number>(`SELECT coalesce(max(seq), 0) FROM trace`).pluck()
  const seqOf = db.prepare<[string], number>(`SELECT seq FROM trace WHERE id = ?`).pluck()
  const putSpan = db.prepare(
    `INSERT INTO span (trace_seq, id, parent_id, name, started_at, duration_ms, state, error, attributes)
     VALUES (@trace, @id, @parentId, @name, @startedAt, @durationMs, @state, @error, @attributes)`,
  )
  const putContent = db.prepare(`INSERT OR REPLACE INTO trace_content (trace_seq, input, output) VALUES (?, ?, ?)`)
  const grow = db.prepare(`UPDATE trace SET size_bytes = size_bytes + ? WHERE seq = ?`)
  const index = db.prepare(`INSERT INTO trace_search (rowid, grams) VALUES (?, ?)`)
  const unindex = db.prepare(`INSERT INTO trace_search (trace_search, rowid, grams) VALUES ('delete', ?, ?)`)
  const configure = db.prepare(`INSERT INTO trace_search (trace_search, rank) VALUES (?, ?)`)
  const select = db.prepare<[string], TraceSummary>(`SELECT ${traceColumns} FROM trace t WHERE id = ?`)
  const spansOf = db.prepare<[number], SpanRow>(
    `SELECT ${spanColumns} FROM span s WHERE trace_seq = ? ORDER BY s.started_at, s.seq DESC`,
  )
  const content = db.prepare<[number], ContentRow>(selectContent)
  const rate = db.prepare(`UPDATE trace SET rating = @rating, comment = @comment WHERE id = @id`)
  const drop = db.prepare(`DELETE FROM trace WHERE seq = ?`)
  const bySeq = db.prepare<[number], Pick<TraceSummary, 'state' | 'error'>>(
    `SELECT state, error FROM trace WHERE seq = ?`,
  )
  const lastEnd = db
    .prepare<[number], number | null>(`SELECT max(started_at + duration_ms) FROM span WHERE trace_seq = ?`)
    .pluck()
  const changes = db.prepare<[], number>(`SELECT total_changes()`).pluck()
  const interrupted = db.prepare<[], TraceSummary>(`SELECT ${traceColumns} FROM trace t WHERE state = 'running'`)
  const totals = db.prepare<[], { traces: number; sizeBytes: number; oldestAt: number | null }>(
    `SELECT (SELECT count(*) FROM trace) AS traces, (SELECT coalesce(sum(size_bytes), 0) FROM trace) AS sizeBytes,
       (SELECT min(started_at) FROM trace) AS oldestAt`,
  )
  // One step down the index for each model: a hundred thousand rows have a handful.
  const models = db
    .prepare<[], string>(
      `WITH RECURSIVE m (model) AS (SELECT min(model) FROM trace UNION ALL
         SELECT (SELECT min(model) FROM trace WHERE model > m.model) FROM m WHERE m.model IS NOT NULL)
       SELECT model FROM m WHERE model IS NOT NULL`,
    )
    .pluck()
  const older = db
    .prepare<[number, number], number>(
      `SELECT seq FROM trace WHERE started_at < ? AND rating IS NULL AND state <> 'running' ORDER BY started_at LIMIT ?`,
    )
    .pluck()
  const oldest = db.prepare<[number], { seq: number; size_bytes: number }>(
    `SELECT seq, size_bytes FROM trace WHERE rating IS NULL AND state <> 'running' ORDER BY started_at LIMIT ?`,
  )

  const writeOne = ({ trace, spans, content: texts }: TraceWrite): void => {
    put.run(trace)
    const seq = seqOf.get(trace.id)!
    let bytes = 0
    for (const span of spans) {
      const attributes = JSON.stringify(span.attributes)
      bytes += 100 + Buffer.byteLength(attributes)
      putSpan.run({ ...span, trace: seq, attributes })
    }
    if (texts) putContent.run(seq, jsonOf(texts.input), jsonOf(texts.output))
    if (trace.state !== 'running') bytes += indexContent(seq, trace.error)
    if (bytes > 0) grow.run(bytes, seq)
  }
  /** @returns the content's size. */
  const indexContent = (seq: number, error: string | null): number => {
    const row = content.get(seq)
    index.run(seq, gramsOf(searchedText(row, error)))
    return Buffer.byteLength(row?.input ?? '') + Buffer.byteLength(row?.output ?? '')
  }

  const summary = (id: string): TraceSummary => {
    const row = select.get(id)
    if (!row) throw new MoruError('not_found', `There is no trace "${id}"; it may have been deleted.`)
    return row
  }

  const removeRows = db.transaction((seqs: readonly number[], atOnce: boolean): void => {
    configure.run('secure-delete', atOnce ? 1n : 0n)
    for (const seq of seqs) {
      const row = bySeq.get(seq)
      // One that runs would be written again at its end.
      if (!row || row.state === 'running') continue
      unindex.run(seq, gramsOf(searchedText(content.get(seq), row.error)))
      drop.run(seq)
    }
  })

  return {
    /** @returns the traces as they are now. */
    write: db.transaction((batch: readonly TraceWrite[]): TraceSummary[] => {
      batch.forEach(writeOne)
      return batch.map(({ trace }) => summary(trace.id))
    }),
    /** @throws not_found */
    get(id: string): TraceDetail {
      const found = summary(id)
      return { ...found, spans: spansOf.all(found.seq).map(spanOf), ...contentOf(content.get(found.seq)) }
    },
    /** Newest first; those before `before`, where that is given. */
    list(filter: TraceFilter, before: number | null, limit: number): TraceSummary[] {
      const { from, where, values, seq } = selection(filter, before)
      const sql = `SELECT ${traceColumns} ${from} WHERE ${where} ORDER BY ${seq} DESC LIMIT ?`
      return db.prepare<unknown[], TraceSummary>(sql).all(...values, limit)
    },
    /** How many pass; where texts must be looked into, counting stops at a limit. */
    count(filter: TraceFilter): { value: number; more: boolean } {
      const { from, where, values, seq } = selection(filter, null)
      const counted = (condition: string) =>
        db.prepare<unknown[], number>(`SELECT count(*) FROM (SELECT 1 ${from} WHERE ${where} AND ${condition})`).pluck()
      if (!filter.text?.trim()) return { value: counted('1').get(...values)!, more: false }
      const between = counted(`${seq} > ? AND ${seq} <= ? LIMIT ?`)
      const until = performance.now() + countWithinMs
      let value = 0
      for (let last = lastSeq.get()!; last > 0; last -= countedAtATime) {
        value += between.get(...values, last - countedAtATime, last, countLimit + 1 - value)!
        if (value > countLimit) return { value: countLimit, more: true }
        if (performance.now() > until && last > countedAtATime) return { value, more: true }
      }
      return { value, more: false }
    },
    /** Ids that pass, oldest first, after `after`. */
    page(filter: TraceFilter, after: number, limit: number): { seq: number; id: string }[] {
      const { from, where, values, seq } = selection(filter, null)
      const sql = `SELECT t.seq, t.id ${from} WHERE ${where} AND ${seq} > ? ORDER BY ${seq} LIMIT ?`
      return db.prepare<unknown[], { seq: number; id: string }>(sql).all(...values, after, limit)
    },
    rate(id: string, rating: 1 | -1 | null, comment: string | null): TraceSummary {
      rate.run({ id, rating, comment })
      return summary(id)
    },
    seqs: (ids: readonly string[]): number[] => ids.flatMap((id) => seqOf.get(id) ?? []),
    /**
     * Removes a portion. `atOnce`: also from the search index, which takes some 30 ms for each; else they are marked there,
     * and `tidy` merges them away.
     */
    remove: (seqs: readonly number[], atOnce: boolean): void => removeRows(seqs, atOnce),
    /** One step of merging away what was removed from the search index. @returns whether there is more to do. */
    tidy(first: boolean): boolean {
      const before = changes.get()!
      configure.run('merge', first ? -mergedPages : mergedPages)
      return changes.get()! - before > 1
    },
    /** Empties the write-ahead log, in which removed rows still stand. @returns false while another reader holds it. */
    forgetLog: (): boolean => (db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[])[0].busy === 0,
    olderThan: (time: number, limit: number): number[] => older.all(time, limit),
    oldest: (limit: number) => oldest.all(limit).map(({ seq, size_bytes: sizeBytes }) => ({ seq, sizeBytes })),
    totals: () => totals.get()!,
    models: (): string[] => models.all(),
    /** Marks traces whose host has gone; their root spans end now. @returns how many. */
    markInterrupted: db.transaction((newSpanId: () => string): number => {
      const rows = interrupted.all()
      for (const row of rows) {
        // It lasted at least until its last span ended; how much longer nobody knows.
        const { kind, model, startedAt } = row
        const durationMs = Math.max(0, (lastEnd.get(row.seq) ?? startedAt) - startedAt)
        const trace: TraceRecord = { ...row, state: 'interrupted', durationMs }
        const attributes = { 'moru.kind': kind, ...(model && { 'gen_ai.request.model': model }) }
        const root = { id: newSpanId(), parentId: null, name: kind, startedAt, durationMs }
        writeOne({ trace, spans: [{ ...root, state: 'interrupted', error: null, attributes }], content: null })
      }
      return rows.length
    }),
    exports: traceExports(db),
  }
}
