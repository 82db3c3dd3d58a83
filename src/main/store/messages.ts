/** Messages, their attachments and the tokens of answers: the tree below a conversation. */
import { randomUUID } from 'node:crypto'
import { deflateSync, inflateSync } from 'node:zlib'
import { type z } from 'zod'
import { type attachment, type Message } from '../../shared/contract/chat'
import { type TokenDetail, tokenDetail } from '../../shared/contract/sampling'
import { MoruError } from '../../shared/errors'
import { normalText } from './conversations'
import { type Database } from './database'

export type Attachment = z.infer<typeof attachment>
/** A message to be added; what is left out has the value of a fresh, complete message. */
export type NewMessage = Pick<Message, 'conversationId' | 'parentId' | 'role' | 'text'> &
  Partial<Pick<Message, 'status' | 'modelId' | 'attachments'>>
/** What may change in a message after it was added. */
export type MessagePatch = Partial<
  Omit<Message, 'id' | 'conversationId' | 'parentId' | 'role' | 'createdAt' | 'attachments'>
>

interface Row {
  id: string
  conversation_id: string
  parent_id: string | null
  role: Message['role']
  text: string
  reasoning: string | null
  reasoning_ms: number | null
  status: Message['status']
  error: string | null
  model_id: string | null
  finish_reason: Message['finishReason']
  usage: string | null
  timings: string | null
  sources: string | null
  dropped_messages: number
  edited: number
  created_at: number
}

const messageOf = (row: Row, attachments: Attachment[]): Message => ({
  id: row.id,
  conversationId: row.conversation_id,
  parentId: row.parent_id,
  role: row.role,
  text: row.text,
  reasoning: row.reasoning,
  reasoningMs: row.reasoning_ms,
  attachments,
  status: row.status,
  error: row.error,
  modelId: row.model_id,
  finishReason: row.finish_reason,
  usage: row.usage === null ? null : JSON.parse(row.usage),
  timings: row.timings === null ? null : JSON.parse(row.timings),
  sources: row.sources === null ? null : JSON.parse(row.sources),
  droppedMessages: row.dropped_messages,
  edited: row.edited === 1,
  createdAt: row.created_at,
})

const json = (value: unknown) => (value === null ? null : JSON.stringify(value))
/** Column and stored form of each field that may change. */
const fields: { [K in keyof MessagePatch]-?: [column: string, store: (value: Message[K]) => unknown] } = {
  text: ['text', (v) => v],
  reasoning: ['reasoning', (v) => v],
  reasoningMs: ['reasoning_ms', (v) => v],
  status: ['status', (v) => v],
  error: ['error', (v) => v],
  modelId: ['model_id', (v) => v],
  finishReason: ['finish_reason', (v) => v],
  usage: ['usage', json],
  timings: ['timings', json],
  sources: ['sources', json],
  droppedMessages: ['dropped_messages', (v) => v],
  edited: ['edited', (v) => (v ? 1 : 0)],
}

/** @returns the operations on messages; those that take an id throw not_found for one that is not there. */
export function messageRepository(db: Database) {
  const insert = db.prepare(
    `INSERT INTO message (id, conversation_id, parent_id, role, text, status, model_id, created_at)
     VALUES (@id, @conversationId, @parentId, @role, @text, @status, @modelId, @now)`,
  )
  const attach = db.prepare(`INSERT INTO attachment (message_id, position, name, text) VALUES (?, ?, ?, ?)`)
  const select = db.prepare<[string], Row>(
    `SELECT m.* FROM message m JOIN conversation c ON c.id = m.conversation_id WHERE m.id = ? AND c.deleted_at IS NULL`,
  )
  const selectAll = db.prepare<[string], Row>(`SELECT * FROM message WHERE conversation_id = ? ORDER BY seq`)
  const attachmentsOf = db.prepare<[string], Attachment>(
    `SELECT name, text FROM attachment WHERE message_id = ? ORDER BY position`,
  )
  const attachmentsOfAll = db.prepare<[string], Attachment & { message_id: string }>(
    `SELECT a.message_id, a.name, a.text FROM attachment a JOIN message m ON m.id = a.message_id
     WHERE m.conversation_id = ? ORDER BY a.message_id, a.position`,
  )
  const interrupt = db.prepare(`UPDATE message SET status = 'interrupted' WHERE status = 'streaming'`)
  const putTokens = db.prepare(`INSERT OR REPLACE INTO message_tokens (message_id, details) VALUES (?, ?)`)
  const dropTokens = db.prepare(`DELETE FROM message_tokens WHERE message_id = ?`)
  const getTokens = db.prepare<[string], Buffer>(`SELECT details FROM message_tokens WHERE message_id = ?`).pluck()

  const get = (id: string): Message => {
    const row = select.get(id)
    if (!row) throw new MoruError('not_found', `There is no message "${id}"; it may have been deleted.`)
    return messageOf(row, attachmentsOf.all(id))
  }

  return {
    get,
    /** All messages of a conversation, oldest first: parents come before their children, siblings in their order. */
    list(conversationId: string): Message[] {
      const attachments = Map.groupBy(attachmentsOfAll.all(conversationId), (a) => a.message_id)
      return selectAll.all(conversationId).map((row) =>
        messageOf(
          row,
          (attachments.get(row.id) ?? []).map(({ name, text }) => ({ name, text })),
        ),
      )
    },
    add: db.transaction((message: NewMessage): Message => {
      const id = randomUUID()
      const { status = 'complete', modelId = null, attachments = [] } = message
      insert.run({ ...message, id, text: normalText(message.text), status, modelId, now: Date.now() })
      attachments.forEach((a, i) => attach.run(id, i, normalText(a.name), a.text))
      return get(id)
    }),
    /** Changes what is given. */
    update(id: string, patch: MessagePatch): void {
      const keys = (Object.keys(patch) as (keyof MessagePatch)[]).filter((k) => patch[k] !== undefined)
      if (keys.length === 0) return
      const stored = keys.map((k) => (fields[k][1] as (value: unknown) => unknown)(patch[k]))
      const sets = keys.map((k) => `${fields[k][0]} = ?`).join(', ')
      if (db.prepare(`UPDATE message SET ${sets} WHERE id = ?`).run(...stored, id).changes === 0)
        throw new MoruError('not_found', `There is no message "${id}"; it may have been deleted.`)
    },
    /** Marks answers whose writer has gone. @returns how many. */
    markInterrupted: () => interrupt.run().changes,
    /** Keeps the tokens of an answer; null forgets them. */
    setTokens(id: string, details: TokenDetail[] | null): void {
      if (details) putTokens.run(id, deflateSync(JSON.stringify(details)))
      else dropTokens.run(id)
    },
    /** [] where none were kept. */
    tokens(id: string): TokenDetail[] {
      const blob = getTokens.get(id)
      return blob ? tokenDetail.array().parse(JSON.parse(inflateSync(blob).toString('utf8'))) : []
    },
  }
}
export type MessageRepository = ReturnType<typeof messageRepository>
