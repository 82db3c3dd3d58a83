/** Reading chunks: for hits, for their neighbours, for filters and for samples. Documents write them (documents.ts). */
import { type SearchInput } from '../../shared/contract/knowledge'
import { type PassageLanguage } from './collections'
import { normalText } from './conversations'
import { type Database } from './database'
import { containing } from './like'

/** Where a chunk lies in its document: UTF-16 units of the extracted text. */
export interface ChunkSource {
  start: number
  end: number
  page: number | null
  headings: string[]
}

/** A chunk with what is shown of its document. */
export interface StoredChunk {
  seq: number
  documentSeq: number
  documentId: string
  path: string
  title: string
  position: number
  place: ChunkSource
  language: PassageLanguage
  tokens: number
  text: string
}

interface PlaceRow {
  start_offset: number
  end_offset: number
  page: number | null
  headings: string
}
interface Row extends PlaceRow {
  seq: number
  document_seq: number
  document_id: string
  path: string
  title: string
  position: number
  language: PassageLanguage
  tokens: number
  text: string
}

export const chunkSourceOf = (row: PlaceRow): ChunkSource => ({
  start: row.start_offset,
  end: row.end_offset,
  page: row.page,
  headings: JSON.parse(row.headings),
})

const chunkOf = (row: Row): StoredChunk => ({
  seq: row.seq,
  documentSeq: row.document_seq,
  documentId: row.document_id,
  path: row.path,
  title: row.title,
  position: row.position,
  place: chunkSourceOf(row),
  language: row.language,
  tokens: row.tokens,
  text: row.text,
})

const columns = `k.seq, k.document_seq, d.id AS document_id, d.path, d.title, k.position, k.start_offset, k.end_offset,
  k.page, k.headings, k.language, k.tokens, k.text`

export function chunkRepository(db: Database) {
  const select = db.prepare<[number], Row>(
    `SELECT ${columns} FROM chunk k JOIN document d ON d.seq = k.document_seq WHERE k.seq = ?`,
  )
  const around = db.prepare<{ document: number; from: number; to: number }, Row>(
    `SELECT ${columns} FROM chunk k JOIN document d ON d.seq = k.document_seq
     WHERE k.document_seq = @document AND k.position BETWEEN @from AND @to ORDER BY k.position`,
  )
  const passing = db
    .prepare<Record<string, unknown>, number>(
      `SELECT seq FROM document WHERE collection_seq = @collection
         AND (@ids IS NULL OR id IN (SELECT value FROM json_each(@ids)))
         AND (@types IS NULL OR type IN (SELECT value FROM json_each(@types)))
         AND (@like IS NULL OR path LIKE @like ESCAPE '\\')
         AND (@after IS NULL OR changed_at >= @after) AND (@before IS NULL OR changed_at <= @before)`,
    )
    .pluck()
  const ofLanguage = db
    .prepare<[number, PassageLanguage], number>(
      `SELECT seq FROM chunk WHERE collection_seq = ? AND language = ? ORDER BY seq`,
    )
    .pluck()
  const page = db.prepare<[number, number, number], Row>(
    `SELECT ${columns} FROM chunk k JOIN document d ON d.seq = k.document_seq
     WHERE k.collection_seq = ? AND k.seq > ? ORDER BY k.seq LIMIT ?`,
  )
  const lacking = db.prepare<Record<string, number>, Row>(
    `SELECT ${columns} FROM chunk k JOIN document d ON d.seq = k.document_seq
     WHERE k.collection_seq = @collection AND k.seq > @after
       AND NOT EXISTS (SELECT 1 FROM vector v WHERE v.chunk_seq = k.seq AND v.model_seq = @model)
     ORDER BY k.seq LIMIT @limit`,
  )
  const documentSeqs = db.prepare<[number], { seq: number; documentSeq: number }>(
    `SELECT seq, document_seq AS documentSeq FROM chunk WHERE collection_seq = ? ORDER BY seq`,
  )

  return {
    /** The chunk of that id; null when it is gone, as after its document was indexed again. */
    find(seq: number): StoredChunk | null {
      const row = select.get(seq)
      return row ? chunkOf(row) : null
    },
    /** The chunks at positions `from` to `to` of a document, both included, in order. */
    range: (documentSeq: number, from: number, to: number): StoredChunk[] =>
      around.all({ document: documentSeq, from, to }).map(chunkOf),
    /** document.seq of the documents that pass the filter; null when it lets all pass. */
    passingDocuments(collectionSeq: number, filter: SearchInput['filter']): Set<number> | null {
      const { documentIds, types, pathContains, changedAfter, changedBefore } = filter
      if (Object.values(filter).every((v) => v === undefined)) return null
      return new Set(
        passing.all({
          collection: collectionSeq,
          ids: documentIds ? JSON.stringify(documentIds) : null,
          types: types ? JSON.stringify(types) : null,
          like: pathContains ? containing(normalText(pathContains)) : null,
          after: changedAfter ?? null,
          before: changedBefore ?? null,
        }),
      )
    },
    /** Ids of the chunks in a language, ascending. */
    ofLanguage: (collectionSeq: number, language: PassageLanguage): number[] => ofLanguage.all(collectionSeq, language),
    /** Chunks of a collection in the order of their ids, from the one after `afterSeq`. */
    page: (collectionSeq: number, afterSeq: number, limit: number): StoredChunk[] =>
      page.all(collectionSeq, afterSeq, limit).map(chunkOf),
    /** The same, of those that have no vector of a model yet. */
    lackingVector: (collectionSeq: number, model: number, afterSeq: number, limit: number): StoredChunk[] =>
      lacking.all({ collection: collectionSeq, model, after: afterSeq, limit }).map(chunkOf),
    /** Which document each chunk of a collection is of, by ascending chunk. */
    documentSeqs: (collectionSeq: number): { seq: number; documentSeq: number }[] => documentSeqs.all(collectionSeq),
  }
}
export type ChunkRepository = ReturnType<typeof chunkRepository>
