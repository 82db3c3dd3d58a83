/** Conversations: rows of `conversation`. Their messages are in messages.ts. */
import { randomUUID } from 'node:crypto'
import { type Conversation, type ConversationSettings, conversationSettings } from '../../shared/contract/chat'
import { sampling } from '../../shared/contract/sampling'
import { MoruError } from '../../shared/errors'
import { type Database } from './database'
import { findMessages } from './message-search'

export type ConversationSummary = Omit<Conversation, 'settings'> & { snippet: string | null }

export interface ConversationPatch {
  title?: string
  pinned?: boolean
  settings?: Partial<ConversationSettings>
  currentMessageId?: string | null
}

interface Row {
  id: string
  title: string
  pinned: number
  settings: string
  current_message_id: string | null
  created_at: number
  updated_at: number
}

/** What a conversation answers with where neither it nor a preset says otherwise. */
export const defaultConversationSettings = (): ConversationSettings => ({
  modelId: null,
  systemPrompt: '',
  sampling: sampling.parse({}),
  whenFull: 'drop_oldest',
  thinking: true,
  collectionIds: [],
  answerCache: 'fixed',
})

const summaryOf = (row: Row): Omit<Conversation, 'settings'> => ({
  id: row.id,
  title: row.title,
  pinned: row.pinned === 1,
  currentMessageId: row.current_message_id,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})
// Defaults below what is stored: rows of older versions lack newer settings.
const conversationOf = (row: Row): Conversation => ({
  ...summaryOf(row),
  settings: conversationSettings.parse({ ...defaultConversationSettings(), ...JSON.parse(row.settings) }),
})

/** Full texts are compared in one Unicode form: Hangul copied from a Mac's file names comes as separate letters. */
export const normalText = (text: string) => text.normalize('NFC')

const columns = 'id, title, pinned, settings, current_message_id, created_at, updated_at'

/** @returns the operations on conversations; those that take an id throw not_found for one that is not there or deleted. */
export function conversationRepository(db: Database) {
  const insert = db.prepare(
    `INSERT INTO conversation (id, title, settings, created_at, updated_at) VALUES (@id, @title, @settings, @now, @now)`,
  )
  const select = db.prepare<[string], Row>(`SELECT ${columns} FROM conversation WHERE id = ? AND deleted_at IS NULL`)
  const newest = db.prepare<[number], Row>(
    `SELECT ${columns} FROM conversation WHERE deleted_at IS NULL ORDER BY pinned DESC, updated_at DESC, rowid DESC LIMIT ?`,
  )
  const update = db.prepare(
    `UPDATE conversation SET title = @title, pinned = @pinned, settings = @settings, current_message_id = @current,
     updated_at = @updatedAt WHERE id = @id`,
  )
  const mark = db.prepare(`UPDATE conversation SET deleted_at = @now WHERE id = @id AND deleted_at IS NULL`)
  const unmark = db.prepare(`UPDATE conversation SET deleted_at = NULL WHERE id = ? AND deleted_at IS NOT NULL`)
  const purge = db.prepare<[], string>(`DELETE FROM conversation WHERE deleted_at IS NOT NULL RETURNING id`).pluck()
  const ownsMessage = db.prepare(`SELECT 1 FROM message WHERE id = ? AND conversation_id = ?`)

  const row = (id: string): Row => {
    const found = select.get(id)
    if (!found) throw new MoruError('not_found', `There is no conversation "${id}"; it may have been deleted.`)
    return found
  }
  const get = (id: string) => conversationOf(row(id))

  /** Changes what is given; `settings` is merged. Only what changes the transcript moves it to the top of the list. */
  const change = (id: string, patch: ConversationPatch): Conversation => {
    const before = get(id)
    const current = patch.currentMessageId === undefined ? before.currentMessageId : patch.currentMessageId
    if (current !== null && !ownsMessage.get(current, id))
      throw new MoruError('not_found', `There is no message "${current}" in this conversation.`)
    const settings = conversationSettings.parse({ ...before.settings, ...patch.settings })
    update.run({
      id,
      title: normalText(patch.title ?? before.title),
      pinned: (patch.pinned ?? before.pinned) ? 1 : 0,
      settings: JSON.stringify(settings),
      current,
      updatedAt: before.updatedAt,
    })
    return get(id)
  }
  const touch = db.prepare(`UPDATE conversation SET updated_at = max(updated_at, @now) WHERE id = @id`)

  return {
    get,
    update: change,
    create(title: string, settings: Partial<ConversationSettings>): Conversation {
      const id = randomUUID()
      const whole = conversationSettings.parse({ ...defaultConversationSettings(), ...settings })
      insert.run({ id, title: normalText(title), settings: JSON.stringify(whole), now: Date.now() })
      return get(id)
    },
    /** Something was said in it: it comes first in the list. */
    touch: (id: string) => void touch.run({ id, now: Date.now() }),
    /**
     * Pinned ones first, then the latest. With a search: those whose title holds all its words, or one of whose
     * messages does, with the words' surroundings in the latest such message.
     */
    list(search: string, limit: number): ConversationSummary[] {
      const words = normalText(search).split(/\s+/).filter(Boolean)
      if (words.length === 0) return newest.all(limit).map((r) => ({ ...summaryOf(r), snippet: null }))
      const snippets = findMessages(db, words)
      const folded = words.map((w) => w.toLowerCase())
      const titleHolds = (title: string) => folded.every((w) => title.toLowerCase().includes(w))
      return newest
        .all(-1)
        .filter((r) => snippets.has(r.id) || titleHolds(r.title))
        .slice(0, limit)
        .map((r) => ({ ...summaryOf(r), snippet: snippets.get(r.id)?.() ?? null }))
    },
    /** Hides it until it is restored or purged. */
    remove(id: string): void {
      row(id)
      mark.run({ id, now: Date.now() })
    },
    restore(id: string): Conversation {
      if (unmark.run(id).changes === 0 && !select.get(id))
        throw new MoruError('not_found', 'This conversation was deleted for good and cannot be restored.')
      return get(id)
    },
    /** Deletes for good what was removed. @returns the ids. */
    purgeRemoved: (): string[] => purge.all(),
  }
}
export type ConversationRepository = ReturnType<typeof conversationRepository>
