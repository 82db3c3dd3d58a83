/** Rows of traces, spans and contents, in SQL and as the contract has them. */
import { type TraceMessage, type TraceSpan } from '../../shared/contract/traces'

/** Of `trace t`: a TraceSummary. */
export const traceColumns = `t.seq, t.id, t.kind, t.model, t.started_at AS startedAt, t.duration_ms AS durationMs,
  t.ttft_ms AS ttftMs, t.state, t.error, t.finish_reason AS finishReason, t.input_tokens AS inputTokens,
  t.output_tokens AS outputTokens, t.cache, t.conversation_id AS conversationId, t.message_id AS messageId,
  t.replay_of AS replayOf, t.rating, t.comment, t.preview, t.size_bytes AS sizeBytes`

/** Of `span s`. */
export const spanColumns = `s.id, s.parent_id AS parentId, s.name, s.started_at AS startedAt, s.duration_ms AS durationMs,
  s.state, s.error, s.attributes`

export interface SpanRow extends Omit<TraceSpan, 'attributes'> {
  attributes: string
}
export interface ContentRow {
  input: string | null
  output: string | null
}

export const selectContent = `SELECT input, output FROM trace_content WHERE trace_seq = ?`

export const spanOf = ({ attributes, ...span }: SpanRow): TraceSpan => ({ ...span, attributes: JSON.parse(attributes) })

const messagesOf = (json: string | null): TraceMessage[] | null => (json === null ? null : JSON.parse(json))

/** Of a trace without contents both are null. */
export const contentOf = (row: ContentRow | undefined) => ({
  input: messagesOf(row?.input ?? null),
  output: messagesOf(row?.output ?? null),
})

/** In one Unicode form, so that SQLite can look into it. */
export const jsonOf = (messages: TraceMessage[] | null): string | null =>
  messages && JSON.stringify(messages).normalize('NFC')
