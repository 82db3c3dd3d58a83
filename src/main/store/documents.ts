/** Documents of collections with their chunks. A document's content is replaced in one transaction: nothing half-indexed is seen. */
import { randomUUID } from 'node:crypto'
import { type Document } from '../../shared/contract/knowledge'
import { MoruError } from '../../shared/errors'
import { type ChunkSource, chunkSourceOf } from './chunks'
import { type PassageLanguage } from './collections'
import { normalText } from './conversations'
import { type Database } from './database'
import { containing } from './like'
import { type TermRepository } from './terms'
import { type VectorRepository } from './vectors'

/** What is known of a file before it is read. */
export interface DocumentFile {
  path: string
  title: string
  type: string
  sizeBytes: number
  /** Modification time in milliseconds. */
  changedAt: number
  /** Of the whole file, in lower-case hexadecimal; null while nobody computed it. */
  contentHash: string | null
}

export interface NewChunk extends ChunkSource {
  text: string
  /** Tokens of the embedding model. */
  tokens: number
  language: PassageLanguage
  /** Occurrences of each term, by analyser. */
  terms: Record<string, ReadonlyMap<string, number>>
  /** Its vector in registered models: model.seq and [dim] floats. */
  vectors?: readonly { model: number; values: Float32Array }[]
}

export interface NewContent {
  language: PassageLanguage
  text: string
  chunks: readonly NewChunk[]
  /** What of the file could not be read. */
  warnings?: readonly string[]
}

/** What tells whether a file has changed since it was indexed, and what was wrong with it. */
export interface KnownDocument extends DocumentFile, Pick<Document, 'id' | 'state' | 'reason' | 'warning'> {}

interface Row {
  seq: number
  id: string
  collection_id: string
  path: string
  title: string
  type: string
  language: PassageLanguage
  content_hash: string | null
  size_bytes: number
  changed_at: number
  state: Document['state']
  reason: string | null
  warning: string | null
  indexed_at: number | null
  chunks: number
}

const documentOf = (row: Row): Document => ({
  id: row.id,
  collectionId: row.collection_id,
  path: row.path,
  title: row.title,
  type: row.type,
  language: row.language,
  sizeBytes: row.size_bytes,
  chunks: row.chunks,
  state: row.state,
  reason: row.reason,
  warning: row.warning,
  changedAt: row.changed_at,
  indexedAt: row.indexed_at,
})

const columns = `d.seq, d.id, c.id AS collection_id, d.path, d.title, d.type, d.language, d.content_hash, d.size_bytes,
  d.changed_at, d.state, d.reason, d.warning, d.indexed_at, (SELECT count(*) FROM chunk WHERE document_seq = d.seq) AS chunks`
const joined = `document d JOIN collection c ON c.seq = d.collection_seq`

/** @returns the operations on documents; those that take an id throw not_found for one that is not there. */
export function documentRepository(db: Database, terms: TermRepository, vectors: VectorRepository) {
  const select = db.prepare<[string], Row>(`SELECT ${columns} FROM ${joined} WHERE d.id = ?`)
  const selectByPath = db.prepare<[string, string], Row>(
    `SELECT ${columns} FROM ${joined} WHERE c.id = ? AND d.path = ?`,
  )
  const matches = `c.id = @collection AND (@state IS NULL OR d.state = @state)
       AND (d.path LIKE @like ESCAPE '\\' OR d.title LIKE @like ESCAPE '\\')`
  const page = db.prepare<Record<string, unknown>, Row>(
    `SELECT ${columns} FROM ${joined} WHERE ${matches} ORDER BY d.path LIMIT @limit OFFSET @offset`,
  )
  const total = db.prepare<Record<string, unknown>, number>(`SELECT count(*) FROM ${joined} WHERE ${matches}`).pluck()
  const countStates = db.prepare<[string], { state: Document['state']; count: number }>(
    `SELECT d.state, count(*) AS count FROM ${joined} WHERE c.id = ? GROUP BY d.state`,
  )
  const known = db.prepare<[string], KnownDocument>(
    `SELECT d.id, d.path, d.title, d.type, d.size_bytes AS sizeBytes, d.changed_at AS changedAt,
       d.content_hash AS contentHash, d.state, d.reason, d.warning FROM ${joined} WHERE c.id = ? ORDER BY d.path`,
  )
  const seqOfCollection = db.prepare<[string], number>(`SELECT seq FROM collection WHERE id = ?`).pluck()
  const upsert = db
    .prepare<Record<string, unknown>, number>(
      `INSERT INTO document (id, collection_seq, path, title, type, language, content_hash, size_bytes, changed_at,
         state, reason, warning, indexed_at)
       VALUES (@id, @collection, @path, @title, @type, @language, @contentHash, @sizeBytes, @changedAt, @state, @reason,
         @warning, @indexedAt)
       ON CONFLICT (collection_seq, path) DO UPDATE SET title = @title, type = @type, language = @language,
         content_hash = @contentHash, size_bytes = @sizeBytes, changed_at = @changedAt, state = @state,
         reason = @reason, warning = @warning, indexed_at = @indexedAt RETURNING seq`,
    )
    .pluck()
  const markPending = db.prepare(
    `INSERT INTO document (id, collection_seq, path, title, type, language, size_bytes, changed_at, state)
     VALUES (@id, @collection, @path, @title, @type, 'other', @sizeBytes, @changedAt, 'pending')
     ON CONFLICT (collection_seq, path) DO UPDATE SET state = 'pending', reason = NULL`,
  )
  const touch = db.prepare(`UPDATE document SET size_bytes = @sizeBytes, changed_at = @changedAt WHERE id = @id`)
  const markAllPending = db.prepare(
    `UPDATE document SET state = 'pending' WHERE collection_seq = ? AND state = 'indexed'`,
  )
  const dropChunks = db.prepare(`DELETE FROM chunk WHERE document_seq = ?`)
  const putText = db.prepare(`INSERT OR REPLACE INTO document_text (document_seq, text) VALUES (?, ?)`)
  const dropText = db.prepare(`DELETE FROM document_text WHERE document_seq = ?`)
  const insertChunk = db.prepare(
    `INSERT INTO chunk (collection_seq, document_seq, position, start_offset, end_offset, page, headings, tokens,
       language, text)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const drop = db.prepare<[string], number>(`DELETE FROM document WHERE id = ? RETURNING collection_seq`).pluck()
  const bump = db.prepare(`UPDATE collection SET version = version + 1, updated_at = ? WHERE seq = ?`)
  const textOf = db.prepare<[number], string>(`SELECT text FROM document_text WHERE document_seq = ?`).pluck()
  const chunksOf = db.prepare<[number], Parameters<typeof chunkSourceOf>[0] & { seq: number }>(
    `SELECT seq, start_offset, end_offset, page, headings FROM chunk WHERE document_seq = ? ORDER BY position`,
  )

  const row = (id: string): Row => {
    const found = select.get(id)
    if (!found) throw new MoruError('not_found', `There is no document "${id}"; it may have been removed.`)
    return found
  }
  const collectionSeq = (id: string): number => {
    const seq = seqOfCollection.get(id)
    if (seq === undefined) throw new MoruError('not_found', `There is no collection "${id}"; it may have been removed.`)
    return seq
  }
  const fileValues = (collection: number, file: DocumentFile) => ({
    ...file,
    id: randomUUID(),
    collection,
    path: normalText(file.path),
    title: normalText(file.title),
  })
  const addChunk = (collection: number, document: number, chunk: NewChunk, position: number): void => {
    const { start, end, page: pageNumber, headings, tokens, language, text } = chunk
    const headingsJson = JSON.stringify(headings)
    const inserted = insertChunk.run(
      ...[collection, document, position, start, end, pageNumber, headingsJson, tokens, language, text],
    )
    const seq = Number(inserted.lastInsertRowid)
    for (const [analyser, counts] of Object.entries(chunk.terms)) terms.save(collection, seq, analyser, counts)
    for (const { model, values } of chunk.vectors ?? []) vectors.save(collection, seq, model, values)
  }

  return {
    get: (id: string): Document => documentOf(row(id)),
    findByPath(collectionId: string, path: string): Document | null {
      const found = selectByPath.get(collectionId, normalText(path))
      return found ? documentOf(found) : null
    },
    /** By path; `search` is looked for in path and title. @param state only documents in it. */
    list(
      collectionId: string,
      search: string,
      offset: number,
      limit: number,
      state: Document['state'] | null = null,
    ): { total: number; documents: Document[]; states: Record<Document['state'], number> } {
      const like = containing(normalText(search))
      const where = { collection: collectionId, like, state }
      const states = { indexed: 0, pending: 0, failed: 0 }
      for (const row of countStates.all(collectionId)) states[row.state] = row.count
      return {
        total: total.get(where) ?? 0,
        documents: page.all({ ...where, offset, limit }).map(documentOf),
        states,
      }
    },
    /** All documents of a collection, by path, with what tells whether their files have changed. */
    known: (collectionId: string): KnownDocument[] => known.all(collectionId),
    /** The extracted text ('' where there is none) and where the chunks lie in it. */
    content(id: string): { text: string; chunks: { id: string; place: ChunkSource }[] } {
      const { seq } = row(id)
      const chunks = chunksOf.all(seq).map((c) => ({ id: String(c.seq), place: chunkSourceOf(c) }))
      return { text: textOf.get(seq) ?? '', chunks }
    },
    /** Notes that a file waits to be indexed; what was found in it before is found until then. */
    markPending(collectionId: string, file: DocumentFile): void {
      markPending.run(fileValues(collectionSeq(collectionId), file))
    },
    /** Notes that a file was written anew with the content it had. */
    touch(id: string, { sizeBytes, changedAt }: Pick<DocumentFile, 'sizeBytes' | 'changedAt'>): void {
      touch.run({ id, sizeBytes, changedAt })
    },
    /** All that is indexed waits to be indexed again, as after a change of how texts are cut; it is found until then. */
    markAllPending(collectionId: string): void {
      markAllPending.run(collectionSeq(collectionId))
    },
    /** Puts a document in place of the one at its path, if any: row, text, chunks, terms and vectors at once. */
    save: db.transaction((collectionId: string, file: DocumentFile, content: NewContent): Document => {
      const collection = collectionSeq(collectionId)
      const values = fileValues(collection, file)
      const warning = content.warnings?.join(' ') || null
      const state = { language: content.language, state: 'indexed', reason: null, warning, indexedAt: Date.now() }
      const seq = upsert.get({ ...values, ...state }) as number
      dropChunks.run(seq)
      putText.run(seq, content.text)
      content.chunks.forEach((chunk, i) => addChunk(collection, seq, chunk, i))
      bump.run(Date.now(), collection)
      return documentOf(selectByPath.get(collectionId, values.path) as Row)
    }),
    /** Notes why a file could not be indexed; what was found in it before goes. */
    saveFailure: db.transaction((collectionId: string, file: DocumentFile, reason: string): Document => {
      const collection = collectionSeq(collectionId)
      const values = fileValues(collection, file)
      const state = { language: 'other', state: 'failed', reason, warning: null, indexedAt: null }
      const seq = upsert.get({ ...values, ...state }) as number
      dropText.run(seq)
      if (dropChunks.run(seq).changes > 0) bump.run(Date.now(), collection)
      return documentOf(selectByPath.get(collectionId, values.path) as Row)
    }),
    /** Removes a document with all that was made from it. */
    remove: db.transaction((id: string): void => {
      row(id)
      bump.run(Date.now(), drop.get(id) as number)
    }),
  }
}
export type DocumentRepository = ReturnType<typeof documentRepository>
