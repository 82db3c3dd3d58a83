/** The terms of chunks, for BM25: a dictionary for each collection, and a chunk's terms with their frequencies as one blob. */
import { type PassageLanguage } from './collections'
import { type Database } from './database'
import { encodePostings } from './postings'

export { readPostings } from './postings'

/** A chunk's terms; `seq` rises with every writing, so that a reader can ask for what came after. */
export interface ChunkTerms {
  seq: number
  chunkSeq: number
  documentSeq: number
  language: PassageLanguage
  /** Terms in all, repetitions counted. */
  length: number
  /** For readPostings. */
  postings: Buffer
}

export function termRepository(db: Database) {
  const termSeq = db
    .prepare<[number, string], number>(`SELECT seq FROM term WHERE collection_seq = ? AND text = ?`)
    .pluck()
  const addTerm = db.prepare(`INSERT INTO term (collection_seq, text) VALUES (?, ?)`)
  const insert = db.prepare(
    `INSERT OR REPLACE INTO chunk_terms (collection_seq, chunk_seq, analyser, length, postings) VALUES (?, ?, ?, ?, ?)`,
  )
  const page = db.prepare<Record<string, unknown>, ChunkTerms>(
    `SELECT t.seq, t.chunk_seq AS chunkSeq, k.document_seq AS documentSeq, k.language, t.length, t.postings
     FROM chunk_terms t JOIN chunk k ON k.seq = t.chunk_seq
     WHERE t.collection_seq = @collection AND t.analyser = @analyser AND t.seq > @after ORDER BY t.seq LIMIT @limit`,
  )
  const seqs = db
    .prepare<[number, string], number>(
      `SELECT seq FROM chunk_terms WHERE collection_seq = ? AND analyser = ? ORDER BY seq`,
    )
    .pluck()
  const lacking = db.prepare<Record<string, unknown>, { seq: number; text: string }>(
    `SELECT k.seq, k.text FROM chunk k WHERE k.collection_seq = @collection AND k.seq > @after
         AND NOT EXISTS (SELECT 1 FROM chunk_terms t WHERE t.chunk_seq = k.seq AND t.analyser = @analyser)
       ORDER BY k.seq LIMIT @limit`,
  )
  const prepare = db.prepare(`UPDATE collection SET next_analyser = ? WHERE seq = ?`)
  const activate = db.prepare(
    `UPDATE collection SET analyser = next_analyser, next_analyser = NULL, version = version + 1, updated_at = ?
     WHERE seq = ? AND next_analyser IS NOT NULL`,
  )
  const dropOthers = db.prepare(
    `DELETE FROM chunk_terms WHERE collection_seq = @seq
       AND analyser <> (SELECT analyser FROM collection WHERE seq = @seq)`,
  )
  const words = db
    .prepare<[number, number, number], number>(
      `SELECT seq FROM term WHERE collection_seq = ? AND seq > ? ORDER BY seq LIMIT ?`,
    )
    .pluck()
  const postings = db.prepare<[number, number, number], { seq: number; postings: Buffer }>(
    `SELECT seq, postings FROM chunk_terms WHERE collection_seq = ? AND seq > ? ORDER BY seq LIMIT ?`,
  )
  const dropTerm = db.prepare(`DELETE FROM term WHERE seq = ?`)

  return {
    /** Keeps how often each term occurs in a chunk, in place of what was kept of that analyser before. */
    save(collectionSeq: number, chunkSeq: number, analyser: string, counts: ReadonlyMap<string, number>): void {
      let length = 0
      const terms: [number, number][] = []
      for (const [text, frequency] of counts) {
        const known = termSeq.get(collectionSeq, text)
        terms.push([known ?? Number(addTerm.run(collectionSeq, text).lastInsertRowid), frequency])
        length += frequency
      }
      terms.sort((a, b) => a[0] - b[0])
      insert.run(collectionSeq, chunkSeq, analyser, length, encodePostings(terms))
    },
    /** Up to `limit` chunks' terms written after `afterSeq`, in the order of writing. */
    page: (collectionSeq: number, analyser: string, afterSeq: number, limit: number): ChunkTerms[] =>
      page.all({ collection: collectionSeq, analyser, after: afterSeq, limit }),
    /** `seq` of all that are there, ascending. */
    seqs: (collectionSeq: number, analyser: string): number[] => seqs.all(collectionSeq, analyser),
    /** The number that stands for a term in the postings; null for one that no chunk has. */
    find: (collectionSeq: number, text: string): number | null => termSeq.get(collectionSeq, text) ?? null,
    /** Chunks that still lack terms of an analyser, by id, from the one after `afterSeq`. */
    lacking: (
      collectionSeq: number,
      analyser: string,
      afterSeq: number,
      limit: number,
    ): { seq: number; text: string }[] => lacking.all({ collection: collectionSeq, analyser, after: afterSeq, limit }),
    /** Notes that terms of another analyser are being made; null: no longer. The present ones answer meanwhile. */
    prepareAnalyser: (collectionSeq: number, analyser: string | null): void =>
      void prepare.run(analyser, collectionSeq),
    /** The analyser that was prepared answers from now on; terms of others go. */
    activateAnalyser: db.transaction((collectionSeq: number): void => {
      if (activate.run(Date.now(), collectionSeq).changes > 0) dropOthers.run({ seq: collectionSeq })
    }),
    /** Postings of any analyser, `limit` at a time from the one after `afterSeq`, in the order of writing. */
    postings: (collectionSeq: number, afterSeq: number, limit: number): { seq: number; postings: Buffer }[] =>
      postings.all(collectionSeq, afterSeq, limit),
    /** Numbers of a collection's words, `limit` at a time from the one after `afterSeq`. */
    words: (collectionSeq: number, afterSeq: number, limit: number): number[] =>
      words.all(collectionSeq, afterSeq, limit),
    /** Forgets words, by their numbers, that no chunk has any more. */
    forget: db.transaction((seqs: readonly number[]): void => {
      for (const seq of seqs) dropTerm.run(seq)
    }),
  }
}
export type TermRepository = ReturnType<typeof termRepository>
