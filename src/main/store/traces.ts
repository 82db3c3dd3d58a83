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
import { folded, gramsOf } from './trace-search'
import { selection } from './trace-filter'

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

/** A span on its way to a collector. */
export interface ExportedSpan extends TraceSpan {
  seq: number
  traceId: string
  /** Of root spans alone. */
  input: TraceMessage[] | null
  output: TraceMessage[] | null
}

interface Row {
  seq: number
  id: string
  kind: TraceSummary['kind']
  model: string | null
  started_at: number
  duration_ms: number | null
  ttft_ms: number | null
  state: TraceSummary['state']
  error: string | null
  finish_reason: string | null
  input_tokens: number | null
  output_tokens: number | null
  cache: TraceSummary['cache']
  conversation_id: string | null
  message_id: string | null
  replay_of: string | null
  rating: 1 | -1 | null
  comment: string | null
  preview: string
  size_bytes: number
}
interface SpanRow {
  seq: number
  id: string
  parent_id: string | null
  name: string
  started_at: number
  duration_ms: number
  state: TraceSpan['state']
  error: string | null
  attributes: string
}
interface ContentRow {
  input: string | null
  output: string | null
}

/** Counting what has to be looked into stops here. */
const countLimit = 1000
/** Pages that one step of tidying the search index merges: some 50 ms. */
const mergedPages = 200

const summaryOf = (row: Row): TraceSummary => ({
  seq: row.seq,
  id: row.id,
  kind: row.kind,
  model: row.model,
  startedAt: row.started_at,
  durationMs: row.duration_ms,
  ttftMs: row.ttft_ms,
  state: row.state,
  error: row.error,
  finishReason: row.finish_reason,
  inputTokens: row.input_tokens,
  outputTokens: row.output_tokens,
  cache: row.cache,
  conversationId: row.conversation_id,
  messageId: row.message_id,
  replayOf: row.replay_of,
  rating: row.rating,
  comment: row.comment,
  preview: row.preview,
  sizeBytes: row.size_bytes,
})
const spanOf = (row: SpanRow): TraceSpan => ({
  id: row.id,
  parentId: row.parent_id,
  name: row.name,
  startedAt: row.started_at,
  durationMs: row.duration_ms,
  state: row.state,
  error: row.error,
  attributes: JSON.parse(row.attributes),
})
const messagesOf = (json: string | null): TraceMessage[] | null => (json === null ? null : JSON.parse(json))
/** In one Unicode form, so that SQLite can look into it. */
const jsonOf = (messages: TraceMessage[] | null | undefined) =>
  messages ? JSON.stringify(messages).normalize('NFC') : null

/** All that is searched of a trace. */
const searchedText = (content: ContentRow | undefined, error: string | null): string => {
  const messages = [...(messagesOf(content?.input ?? null) ?? []), ...(messagesOf(content?.output ?? null) ?? [])]
  return [...messages.map((message) => message.content), error ?? ''].join('\n')
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
  const select = db.prepare<[string], Row>(`SELECT * FROM trace WHERE id = ?`)
  const spansOf = db.prepare<[number], SpanRow>(`SELECT * FROM span WHERE trace_seq = ? ORDER BY started_at, seq DESC`)
  const contentOf = db.prepare<[number], ContentRow>(`SELECT input, output FROM trace_content WHERE trace_seq = ?`)
  const rate = db.prepare(`UPDATE trace SET rating = @rating, comment = @comment WHERE id = @id`)
  const drop = db.prepare(`DELETE FROM trace WHERE seq = ?`)
  const bySeq = db.prepare<[number], Row>(`SELECT * FROM trace WHERE seq = ?`)
  const lastEnd = db
    .prepare<[number], number | null>(`SELECT max(started_at + duration_ms) FROM span WHERE trace_seq = ?`)
    .pluck()
  const changes = db.prepare<[], number>(`SELECT total_changes()`).pluck()
  const interrupted = db.prepare<[], Row>(`SELECT * FROM trace WHERE state = 'running'`)
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
  const unsent = db.prepare<[number, number], SpanRow & { trace_id: string; trace_seq: number }>(
    `SELECT s.*, t.id AS trace_id FROM span s JOIN trace t ON t.seq = s.trace_seq WHERE s.seq > ? ORDER BY s.seq LIMIT ?`,
  )
  const unsentCount = db.prepare<[number], number>(`SELECT count(*) FROM span WHERE seq > ?`).pluck()
  const lastSpan = db.prepare<[], number>(`SELECT coalesce(max(seq), 0) FROM span`).pluck()
  const exportOf = db.prepare<[string], { spanSeq: number; sent: number }>(
    `SELECT span_seq AS spanSeq, sent FROM trace_export WHERE endpoint = ?`,
  )
  const putExport = db.prepare(`INSERT OR REPLACE INTO trace_export (endpoint, span_seq, sent) VALUES (?, ?, ?)`)
  const dropExports = db.prepare(`DELETE FROM trace_export WHERE endpoint IS NOT ?`)

  const writeOne = ({ trace, spans, content }: TraceWrite): number => {
    put.run(trace)
    const seq = seqOf.get(trace.id)!
    let bytes = 0
    for (const span of spans) {
      const attributes = JSON.stringify(span.attributes)
      bytes += 100 + Buffer.byteLength(attributes)
      putSpan.run({ ...span, trace: seq, attributes })
    }
    if (content) putContent.run(seq, jsonOf(content.input), jsonOf(content.output))
    if (trace.state !== 'running') bytes += indexContent(seq, trace.error)
    if (bytes > 0) grow.run(bytes, seq)
    return seq
  }
  /** @returns the content's size. */
  const indexContent = (seq: number, error: string | null): number => {
    const row = contentOf.get(seq)
    index.run(seq, gramsOf(searchedText(row, error)))
    return Buffer.byteLength(row?.input ?? '') + Buffer.byteLength(row?.output ?? '')
  }

  const get = (id: string): Row => {
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
      unindex.run(seq, gramsOf(searchedText(contentOf.get(seq), row.error)))
      drop.run(seq)
    }
  })

  return {
    /** @returns the traces as they are now. */
    write: db.transaction((batch: readonly TraceWrite[]): TraceSummary[] => {
      batch.forEach(writeOne)
      return batch.map(({ trace }) => summaryOf(get(trace.id)))
    }),
    summary: (id: string): TraceSummary => summaryOf(get(id)),
    /** @throws not_found */
    get(id: string): TraceDetail {
      const row = get(id)
      const content = contentOf.get(row.seq)
      return {
        ...summaryOf(row),
        spans: spansOf.all(row.seq).map(spanOf),
        input: messagesOf(content?.input ?? null),
        output: messagesOf(content?.output ?? null),
      }
    },
    /** Newest first; those before `before`, where that is given. */
    list(filter: TraceFilter, before: number | null, limit: number): TraceSummary[] {
      const { from, where, values, seq } = selection(filter, before)
      const sql = `SELECT t.* ${from} WHERE ${where} ORDER BY ${seq} DESC LIMIT ?`
      return db
        .prepare<unknown[], Row>(sql)
        .all(...values, limit)
        .map(summaryOf)
    },
    /** How many pass; where texts must be looked into, counting stops at a limit. */
    count(filter: TraceFilter): { value: number; more: boolean } {
      const { from, where, values } = selection(filter, null)
      const limit = filter.text?.trim() ? countLimit + 1 : -1
      const sql = `SELECT count(*) FROM (SELECT 1 ${from} WHERE ${where} LIMIT ?)`
      const value = db
        .prepare<unknown[], number>(sql)
        .pluck()
        .get(...values, limit) as number
      return limit > 0 && value === limit ? { value: countLimit, more: true } : { value, more: false }
    },
    /** Ids that pass, oldest first, after `after`. */
    page(filter: TraceFilter, after: number, limit: number): { seq: number; id: string }[] {
      const { from, where, values, seq } = selection(filter, null)
      const sql = `SELECT t.seq, t.id ${from} WHERE ${where} AND ${seq} > ? ORDER BY ${seq} LIMIT ?`
      return db.prepare<unknown[], { seq: number; id: string }>(sql).all(...values, after, limit)
    },
    rate(id: string, rating: 1 | -1 | null, comment: string | null): TraceSummary {
      get(id)
      rate.run({ id, rating, comment })
      return summaryOf(get(id))
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
        const durationMs = Math.max(0, (lastEnd.get(row.seq) ?? row.started_at) - row.started_at)
        const trace: TraceRecord = { ...summaryOf(row), state: 'interrupted', durationMs }
        const attributes = { 'moru.kind': row.kind, ...(row.model && { 'gen_ai.request.model': row.model }) }
        const root = { id: newSpanId(), parentId: null, name: row.kind, startedAt: row.started_at, durationMs }
        writeOne({ trace, spans: [{ ...root, state: 'interrupted', error: null, attributes }], content: null })
      }
      return rows.length
    }),
    exports: {
      /** How far a collector has got; one that is new begins with what comes from now on. */
      cursor(endpoint: string): { spanSeq: number; sent: number } {
        const found = exportOf.get(endpoint)
        if (found) return found
        dropExports.run(endpoint)
        putExport.run(endpoint, lastSpan.get()!, 0)
        return exportOf.get(endpoint)!
      },
      advance: (endpoint: string, spanSeq: number, sent: number): void => void putExport.run(endpoint, spanSeq, sent),
      forget: (): void => void dropExports.run(null),
      unsentCount: (spanSeq: number): number => unsentCount.get(spanSeq)!,
      unsent: (spanSeq: number, limit: number): ExportedSpan[] =>
        unsent.all(spanSeq, limit).map((row) => {
          const content = row.parent_id === null ? contentOf.get(row.trace_seq) : undefined
          const own = { seq: row.seq, traceId: row.trace_id }
          return {
            ...spanOf(row),
            ...own,
            input: messagesOf(content?.input ?? null),
            output: messagesOf(content?.output ?? null),
          }
        }),
    },
  }
}
export type TraceRepository = ReturnType<typeof traceRepository>
