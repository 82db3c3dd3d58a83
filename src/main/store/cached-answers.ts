/** The answer cache's rows: kept for a time, within a size, the least recently used ones going first. */
import { type Database } from './database'

export interface CachedAnswer {
  seq: number
  question: string
  /** What the caller kept, as it gave it. */
  answer: unknown
  elapsedMs: number
  createdAt: number
}

export interface NewCachedAnswer {
  /** Names all that the answer depends on. */
  key: string
  /** The same without the question. */
  contextKey: string
  question: string
  /** [dim] floats of unit length, with the key of their model; null: found by `key` alone. */
  embedding: { key: string; values: Float32Array } | null
  collectionIds: readonly string[]
  answer: unknown
  elapsedMs: number
}

export interface CacheBounds {
  /** Older entries do not count any more. */
  ageMs: number
  sizeBytes: number
}

export interface CacheCounts {
  entries: number
  sizeBytes: number
  exactHits: number
  similarHits: number
  misses: number
  savedMs: number
}

interface Row {
  seq: number
  question: string
  answer: string
  elapsed_ms: number
  created_at: number
}

/** Entries with the same context that a search for a similar question looks at, the newest ones. */
const mostCandidates = 2000

const answerOf = (row: Row): CachedAnswer => ({
  seq: row.seq,
  question: row.question,
  answer: JSON.parse(row.answer),
  elapsedMs: row.elapsed_ms,
  createdAt: row.created_at,
})

export function cachedAnswerRepository(db: Database) {
  const columns = 'seq, question, answer, elapsed_ms, created_at'
  const byKey = db.prepare<[string, number], Row>(
    `SELECT ${columns} FROM cached_answer WHERE key = ? AND created_at >= ?`,
  )
  const bySeq = db.prepare<[number], Row>(`SELECT ${columns} FROM cached_answer WHERE seq = ?`)
  const candidates = db.prepare<[string, string, number], { seq: number; question: string; embedding: Buffer }>(
    `SELECT seq, question, embedding FROM cached_answer WHERE context_key = ? AND embedding_key = ? AND created_at >= ?
     ORDER BY seq DESC LIMIT ${mostCandidates}`,
  )
  const insert = db.prepare(
    `INSERT OR REPLACE INTO cached_answer (key, context_key, question, embedding_key, embedding, collections, answer,
       size_bytes, elapsed_ms, created_at, used_at)
     VALUES (@key, @contextKey, @question, @embeddingKey, @embedding, @collections, @answer, @sizeBytes, @elapsedMs, @now, @now)`,
  )
  const use = db.prepare(`UPDATE cached_answer SET used_at = ? WHERE seq = ?`)
  const count = db.prepare(`UPDATE cache_count SET value = value + ? WHERE name = ?`)
  const counts = db.prepare<[], { name: string; value: number }>(`SELECT name, value FROM cache_count`)
  const size = db.prepare<[], { entries: number; sizeBytes: number }>(
    `SELECT count(*) AS entries, coalesce(sum(size_bytes), 0) AS sizeBytes FROM cached_answer`,
  )
  const dropOld = db.prepare(`DELETE FROM cached_answer WHERE created_at < ?`)
  const leastUsed = db.prepare<[], { seq: number; size_bytes: number }>(
    `SELECT seq, size_bytes FROM cached_answer ORDER BY used_at, seq`,
  )
  const drop = db.prepare(`DELETE FROM cached_answer WHERE seq = ?`)
  const dropCollection = db.prepare(
    `DELETE FROM cached_answer WHERE EXISTS (SELECT 1 FROM json_each(collections) WHERE value = ?)`,
  )
  const clear = db.prepare(`DELETE FROM cached_answer`)
  const resetCounts = db.prepare(`UPDATE cache_count SET value = 0`)

  const makeRoom = (bounds: CacheBounds): void => {
    dropOld.run(Date.now() - bounds.ageMs)
    let over = size.get()!.sizeBytes - bounds.sizeBytes
    if (over <= 0) return
    for (const { seq, size_bytes } of leastUsed.all()) {
      if (over <= 0) return
      drop.run(seq)
      over -= size_bytes
    }
  }

  return {
    find(key: string, ageMs: number): CachedAnswer | null {
      const row = byKey.get(key, Date.now() - ageMs)
      return row ? answerOf(row) : null
    },
    get(seq: number): CachedAnswer | null {
      const row = bySeq.get(seq)
      return row ? answerOf(row) : null
    },
    /** Questions that were answered in the same context, with their embeddings in one model, newest first. */
    candidates: (contextKey: string, embeddingKey: string, ageMs: number) =>
      candidates.all(contextKey, embeddingKey, Date.now() - ageMs).map(({ seq, question, embedding }) => ({
        seq,
        question,
        values: new Float32Array(
          embedding.buffer.slice(embedding.byteOffset, embedding.byteOffset + embedding.byteLength),
        ),
      })),
    /** Keeps an answer in place of one with the same key; then what is too old goes, and what is too much. */
    save: db.transaction((entry: NewCachedAnswer, bounds: CacheBounds): void => {
      const answer = JSON.stringify(entry.answer)
      const { values } = entry.embedding ?? { values: null }
      const embedding = values && Buffer.from(values.buffer, values.byteOffset, values.byteLength)
      insert.run({
        key: entry.key,
        contextKey: entry.contextKey,
        question: entry.question,
        embeddingKey: entry.embedding?.key ?? null,
        embedding,
        collections: JSON.stringify(entry.collectionIds),
        answer,
        sizeBytes: Buffer.byteLength(answer) + Buffer.byteLength(entry.question) + (embedding?.length ?? 0),
        elapsedMs: entry.elapsedMs,
        now: Date.now(),
      })
      makeRoom(bounds)
    }),
    /** An entry answered: it is recent again, and what it saved is counted. */
    noteHit: db.transaction((seq: number, kind: 'exact' | 'similar', savedMs: number): void => {
      use.run(Date.now(), seq)
      count.run(1, kind === 'exact' ? 'exact_hits' : 'similar_hits')
      count.run(savedMs, 'saved_ms')
    }),
    noteMiss: (): void => void count.run(1, 'misses'),
    counts(): CacheCounts {
      const value = Object.fromEntries(counts.all().map((row) => [row.name, row.value]))
      const { exact_hits: exactHits, similar_hits: similarHits, misses, saved_ms: savedMs } = value
      return { ...size.get()!, exactHits, similarHits, misses, savedMs }
    },
    removeCollection: (collectionId: string): void => void dropCollection.run(collectionId),
    /** Forgets all entries and what was counted. */
    clear: db.transaction((): void => {
      clear.run()
      resetCounts.run()
    }),
  }
}
export type CachedAnswerRepository = ReturnType<typeof cachedAnswerRepository>
