/** Collections of documents: rows of `collection`, with what is counted in the tables below it. */
import { randomUUID } from 'node:crypto'
import { type Collection, type CollectionSettings, collectionSettings } from '../../shared/contract/knowledge'
import { MoruError } from '../../shared/errors'
import { normalText } from './conversations'
import { type Database } from './database'

export type PassageLanguage = 'ko' | 'en' | 'other'

/** An embedding model as vectors know it: `key` names weights and recipe, `type` how its vectors are kept. */
export interface VectorModel {
  key: string
  type: 'f32' | 'int8'
  dim: number
}
/** A registered model: `seq` is what vectors refer to. */
export interface StoredVectorModel extends VectorModel {
  seq: number
  /** The library's id of what gave its vectors last; null where nobody said. */
  libraryId: string | null
}

export type Separation = Collection['separation'][number]

/** What the search needs to know of a collection. */
export interface SearchState {
  seq: number
  id: string
  version: number
  settings: CollectionSettings
  /** The model whose vectors answer now; null before the first. */
  model: StoredVectorModel | null
  /** The model whose vectors are being made beside it. */
  nextModel: StoredVectorModel | null
  /** How texts are cut into terms: the analyser whose terms answer now, and the one being prepared. */
  analyser: string
  nextAnalyser: string | null
}

interface Row {
  seq: number
  id: string
  name: string
  settings: string
  roots: string
  version: number
  model_seq: number | null
  next_model_seq: number | null
  analyser: string
  next_analyser: string | null
  created_at: number
  updated_at: number
}
interface SeparationRow {
  language: PassageLanguage
  passages: number
  hit_at_1: number
  dense_weight: number
  warning: string | null
}
interface Counts {
  documents: number
  chunks: number
  sizeBytes: number
  pendingChunks: number
}

const separationOf = (row: SeparationRow): Separation => ({
  language: row.language,
  passages: row.passages,
  hitAt1: row.hit_at_1,
  denseWeight: row.dense_weight,
  warning: row.warning,
})

/** @returns the operations on collections; those that take an id throw not_found for one that is not there. */
export function collectionRepository(db: Database) {
  const select = db.prepare<[string], Row>(`SELECT * FROM collection WHERE id = ?`)
  const selectByName = db.prepare<[string], Row>(`SELECT * FROM collection WHERE name = ?`)
  const selectAll = db.prepare<[], Row>(`SELECT * FROM collection ORDER BY name, seq`)
  const insert = db.prepare(
    `INSERT INTO collection (id, name, settings, analyser, created_at, updated_at)
     VALUES (@id, @name, @settings, @analyser, @now, @now)`,
  )
  const change = db.prepare(
    `UPDATE collection SET name = @name, settings = @settings, roots = @roots, updated_at = @now WHERE id = @id`,
  )
  const drop = db.prepare(`DELETE FROM collection WHERE id = ?`)
  const dropDocuments = db.prepare(
    `DELETE FROM document WHERE seq IN (SELECT seq FROM document WHERE collection_seq = ? LIMIT ?)`,
  )
  const dropTerms = db.prepare(`DELETE FROM term WHERE seq IN (SELECT seq FROM term WHERE collection_seq = ? LIMIT ?)`)
  const selectModel = db.prepare<[number], StoredVectorModel>(
    `SELECT seq, key, type, dim, library_id AS libraryId FROM embedding_model WHERE seq = ?`,
  )
  const count = db.prepare<{ seq: number; model: number | null }, Counts>(
    `SELECT (SELECT count(*) FROM document WHERE collection_seq = @seq) AS documents,
       (SELECT count(*) FROM chunk WHERE collection_seq = @seq) AS chunks,
       (SELECT coalesce(sum(size_bytes), 0) FROM document WHERE collection_seq = @seq) AS sizeBytes,
       (SELECT count(*) FROM chunk WHERE collection_seq = @seq)
         - (SELECT count(*) FROM vector WHERE collection_seq = @seq AND model_seq = @model) AS pendingChunks`,
  )
  const graph = db.prepare<[number, number | null], { recall_at_10: number }>(
    `SELECT recall_at_10 FROM vector_graph WHERE collection_seq = ? AND model_seq = ?`,
  )
  const selectSeparation = db.prepare<[number, number | null], SeparationRow>(
    `SELECT * FROM separation WHERE collection_seq = ? AND model_seq = ? ORDER BY passages DESC, language`,
  )
  const bump = db.prepare(`UPDATE collection SET version = version + 1, updated_at = ? WHERE seq = ?`)

  const row = (id: string): Row => {
    const found = select.get(id)
    if (!found) throw new MoruError('not_found', `There is no collection "${id}"; it may have been removed.`)
    return found
  }
  const model = (seq: number | null) => (seq === null ? null : (selectModel.get(seq) ?? null))
  const settingsOf = (r: Row) => collectionSettings.parse(JSON.parse(r.settings))
  const collectionOf = (r: Row): Collection => {
    const { documents, chunks, sizeBytes, pendingChunks } = count.get({
      seq: r.seq,
      model: r.next_model_seq ?? r.model_seq,
    }) as Counts
    const recall = graph.get(r.seq, r.model_seq)?.recall_at_10 ?? null
    return {
      id: r.id,
      name: r.name,
      settings: settingsOf(r),
      roots: JSON.parse(r.roots),
      documents,
      chunks,
      sizeBytes,
      version: r.version,
      dim: model(r.model_seq)?.dim ?? null,
      vectorIndex: { kind: recall === null ? 'exact' : 'hnsw', recallAt10: recall },
      separation: selectSeparation.all(r.seq, r.model_seq).map(separationOf),
      pendingChunks,
      createdAt: r.created_at,
      updatedAt: r.updated_at,
    }
  }
  const refuseTaken = (name: string, id: string | null) => {
    const other = selectByName.get(name)
    if (other && other.id !== id) throw new MoruError('conflict', `There is a collection "${name}" already.`)
  }

  return {
    /** By name. */
    list: (): Collection[] => selectAll.all().map(collectionOf),
    get: (id: string): Collection => collectionOf(row(id)),
    findByName(name: string): Collection | null {
      const found = selectByName.get(normalText(name))
      return found ? collectionOf(found) : null
    },
    /** @param analyser how its texts are cut into terms. @throws conflict when the name is taken. */
    create(name: string, settings: Partial<CollectionSettings>, analyser: string): Collection {
      const id = randomUUID()
      const normal = normalText(name)
      refuseTaken(normal, null)
      const whole = JSON.stringify(collectionSettings.parse(settings))
      insert.run({ id, name: normal, settings: whole, analyser, now: Date.now() })
      return collectionOf(row(id))
    },
    /** Changes what is given; `settings` is merged. @throws conflict when the name is taken. */
    update(id: string, patch: { name?: string; settings?: Partial<CollectionSettings>; roots?: string[] }): Collection {
      const before = row(id)
      const name = normalText(patch.name ?? before.name)
      refuseTaken(name, id)
      change.run({
        id,
        name,
        settings: JSON.stringify(collectionSettings.parse({ ...settingsOf(before), ...patch.settings })),
        roots: patch.roots ? JSON.stringify(patch.roots) : before.roots,
        now: Date.now(),
      })
      return collectionOf(row(id))
    },
    /**
     * Removes up to so many documents with all that was made from them; when there are none left, so many words. What holds
     * much is emptied in portions: removing a hundred thousand documents at once takes seconds. @returns what was removed.
     */
    removePortion: db.transaction((id: string, most: number): number => {
      const { seq } = row(id)
      return dropDocuments.run(seq, most).changes || dropTerms.run(seq, most).changes
    }),
    /** Removes it with its documents, chunks, terms and vectors. */
    remove(id: string): void {
      if (drop.run(id).changes === 0) row(id)
    },
    searchState(id: string): SearchState {
      const r = row(id)
      return {
        seq: r.seq,
        id: r.id,
        version: r.version,
        settings: settingsOf(r),
        model: model(r.model_seq),
        nextModel: model(r.next_model_seq),
        analyser: r.analyser,
        nextAnalyser: r.next_analyser,
      }
    },
    /** What can be found has changed. */
    bump: (seq: number) => void bump.run(Date.now(), seq),
  }
}
export type CollectionRepository = ReturnType<typeof collectionRepository>
