/** Search over message texts that serves Korean and English: three-character windows, and plain scanning below three. */
import { type Database } from './database'
import { containing } from './like'

/** Characters shown on each side of the first word found. */
const surroundings = 40

/**
 * Conversations with a message that holds all `words` (case of ASCII letters aside), each with a function that cuts
 * the words' surroundings out of its latest such message. Words of three characters and more use the index; a
 * two-syllable Korean word has no three-character window, so shorter ones are looked for by scanning.
 */
export function findMessages(db: Database, words: string[]): Map<string, () => string> {
  const indexed = words.filter((w) => [...w].length >= 3)
  const scanned = words.filter((w) => [...w].length < 3)
  const conditions = scanned.map(() => `m.text LIKE ? ESCAPE '\\'`)
  const values = scanned.map(containing)
  if (indexed.length > 0) {
    conditions.unshift('m.seq IN (SELECT rowid FROM message_search WHERE message_search MATCH ?)')
    values.unshift(indexed.map((w) => `"${w.replaceAll('"', '""')}"`).join(' AND '))
  }
  const found = db
    .prepare<string[], { conversation: string; seq: number }>(
      `SELECT m.conversation_id AS conversation, max(m.seq) AS seq FROM message m
       WHERE ${conditions.join(' AND ')} GROUP BY m.conversation_id`,
    )
    .all(...values)
  const textOf = db.prepare<[number], string>('SELECT text FROM message WHERE seq = ?').pluck()
  return new Map(
    found.map(({ conversation, seq }) => [conversation, () => snippetOf(textOf.get(seq) as string, words)]),
  )
}

/** The surroundings of the first of `words` in `text`, in one line, with … where something was cut off. */
export function snippetOf(text: string, words: string[]): string {
  const folded = text.toLowerCase()
  const at = Math.min(...words.map((w) => folded.indexOf(w.toLowerCase())).filter((i) => i >= 0), text.length)
  const first = at === text.length ? 0 : at
  const from = Math.max(0, first - surroundings)
  const to = Math.min(text.length, first + surroundings * 2)
  // Not through the middle of a surrogate pair.
  const cut = text.slice(from, to).replace(/^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/g, '')
  return (from > 0 ? '…' : '') + cut.replace(/\s+/g, ' ').trim() + (to < text.length ? '…' : '')
}
