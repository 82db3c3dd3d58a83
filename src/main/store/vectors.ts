/** The chunks' vectors, by embedding model, with what was measured on them. */
import { endianness } from 'node:os'
import { MoruError } from '../../shared/errors'
import { type PassageLanguage, type Separation, type StoredVectorModel, type VectorModel } from './collections'
import { type Database } from './database'

/** A chunk's vector; `seq` rises with every writing, so that a reader can ask for what came after. */
export interface StoredVector {
  seq: number
  chunkSeq: number
  documentSeq: number
  language: PassageLanguage
  /** int8 values times this are the floats; 1 for f32. */
  scale: number
  /** f32[dim], little-endian, or int8[dim], as the model's type says. */
  data: Buffer
}

export interface VectorGraph {
  /** File name in the profile's folder of graphs. */
  file: string
  vectors: number
  recallAt10: number
}

if (endianness() !== 'LE')
  throw new MoruError('unsupported', 'Moru keeps vectors little-endian, and this machine is not.')

/** int8 values and the factor that gives the floats back: the largest magnitude becomes 127. */
export function quantizeVector(values: Float32Array): { scale: number; data: Int8Array } {
  let largest = 0
  for (const v of values) largest = Math.max(largest, Math.abs(v))
  const scale = largest / 127 || 1
  return { scale, data: Int8Array.from(values, (v) => Math.round(v / scale)) }
}

/** A stored vector as floats, [dim]. */
export function floatsOf({ data, scale }: StoredVector, { type, dim }: VectorModel): Float32Array {
  if (type === 'int8') return Float32Array.from(new Int8Array(data.buffer, data.byteOffset, dim), (v) => v * scale)
  // The bytes may begin anywhere in the buffer.
  return new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + 4 * dim))
}

export function vectorRepository(db: Database) {
  const selectModel = db.prepare<[string, string], StoredVectorModel>(
    `SELECT seq, key, type, dim, library_id AS libraryId FROM embedding_model WHERE key = ? AND type = ?`,
  )
  const modelBySeq = db.prepare<[number], StoredVectorModel>(
    `SELECT seq, key, type, dim, library_id AS libraryId FROM embedding_model WHERE seq = ?`,
  )
  const sizes = db
    .prepare<[], number>(
      `SELECT coalesce(sum(m.dim * CASE m.type WHEN 'int8' THEN 1 ELSE 4 END), 0) FROM vector v JOIN embedding_model m ON m.seq = v.model_seq`,
    )
    .pluck()
  const insertModel = db.prepare(`INSERT INTO embedding_model (key, type, dim) VALUES (@key, @type, @dim)`)
  const nameSource = db.prepare(`UPDATE embedding_model SET library_id = ? WHERE seq = ?`)
  const insert = db.prepare(
    `INSERT OR REPLACE INTO vector (collection_seq, chunk_seq, model_seq, scale, data) VALUES (?, ?, ?, ?, ?)`,
  )
  const page = db.prepare<Record<string, number>, StoredVector>(
    `SELECT v.seq, v.chunk_seq AS chunkSeq, k.document_seq AS documentSeq, k.language, v.scale, v.data
     FROM vector v JOIN chunk k ON k.seq = v.chunk_seq
     WHERE v.collection_seq = @collection AND v.model_seq = @model AND v.seq > @after ORDER BY v.seq LIMIT @limit`,
  )
  const row = `SELECT v.seq, v.chunk_seq AS chunkSeq, k.document_seq AS documentSeq, k.language, v.scale, v.data
    FROM vector v JOIN chunk k ON k.seq = v.chunk_seq`
  const bySeq = db.prepare<[number], StoredVector>(`${row} WHERE v.seq = ?`)
  const byChunk = db.prepare<[number, number], StoredVector>(`${row} WHERE v.chunk_seq = ? AND v.model_seq = ?`)
  const seqs = db
    .prepare<[number, number], number>(`SELECT seq FROM vector WHERE collection_seq = ? AND model_seq = ? ORDER BY seq`)
    .pluck()
  const count = db
    .prepare<[number, number], number>(`SELECT count(*) FROM vector WHERE collection_seq = ? AND model_seq = ?`)
    .pluck()
  const bump = db.prepare(`UPDATE collection SET version = version + 1, updated_at = ? WHERE seq = ?`)
  const prepare = db.prepare(`UPDATE collection SET next_model_seq = ? WHERE seq = ?`)
  const activate = db.prepare(
    `UPDATE collection SET model_seq = next_model_seq, next_model_seq = NULL, version = version + 1, updated_at = ?
     WHERE seq = ? AND next_model_seq IS NOT NULL`,
  )
  const dropOthers = ['vector', 'vector_graph', 'separation'].map((table) =>
    db.prepare(
      `DELETE FROM ${table} WHERE collection_seq = @seq
         AND model_seq <> (SELECT model_seq FROM collection WHERE seq = @seq)`,
    ),
  )
  const saveGraph = db.prepare(
    `INSERT OR REPLACE INTO vector_graph (collection_seq, model_seq, file, vectors, recall_at_10) VALUES (?, ?, ?, ?, ?)`,
  )
  const selectGraph = db.prepare<[number, number], VectorGraph>(
    `SELECT file, vectors, recall_at_10 AS recallAt10 FROM vector_graph WHERE collection_seq = ? AND model_seq = ?`,
  )
  const allGraphs = db.prepare<[], string>(`SELECT file FROM vector_graph`).pluck()
  const dropGraph = db.prepare(`DELETE FROM vector_graph WHERE collection_seq = ? AND model_seq = ?`)
  const dropSeparation = db.prepare(`DELETE FROM separation WHERE collection_seq = ? AND model_seq = ?`)
  const addSeparation = db.prepare(
    `INSERT INTO separation (collection_seq, model_seq, language, passages, hit_at_1, dense_weight, warning)
     VALUES (@collection, @model, @language, @passages, @hitAt1, @denseWeight, @warning)`,
  )
  const selectSeparation = db.prepare<[number, number], Separation>(
    `SELECT language, passages, hit_at_1 AS hitAt1, dense_weight AS denseWeight, warning FROM separation
     WHERE collection_seq = ? AND model_seq = ? ORDER BY passages DESC, language`,
  )

  return {
    /** Bytes of all vectors. Looks at every one. */
    totalBytes: () => sizes.get() ?? 0,
    /**
     * The model's row, made when new.
     * @param libraryId what gives its vectors now. @throws conflict when the key is known with another length of vectors.
     */
    register(model: VectorModel, libraryId: string | null = null): StoredVectorModel {
      const known = selectModel.get(model.key, model.type)
      if (known && known.dim !== model.dim)
        throw new MoruError(
          'conflict',
          `The embedding model "${model.key}" gave vectors of ${known.dim} numbers before and gives ${model.dim} now.`,
        )
      const { key, type, dim } = model
      const seq = known?.seq ?? Number(insertModel.run({ key, type, dim }).lastInsertRowid)
      if (libraryId !== null && libraryId !== known?.libraryId) nameSource.run(libraryId, seq)
      return { key, type, dim, seq, libraryId: libraryId ?? known?.libraryId ?? null }
    },
    /** Keeps a chunk's vector, [dim] floats, in the type of its model. @throws invalid_input for another length. */
    save(collectionSeq: number, chunkSeq: number, modelSeq: number, values: Float32Array): void {
      const model = modelBySeq.get(modelSeq)
      if (!model || values.length !== model.dim)
        throw new MoruError(
          'invalid_input',
          `A vector of ${values.length} numbers does not fit ${model ? `"${model.key}" (${model.dim})` : 'any model'}.`,
        )
      const { scale, data } = model.type === 'int8' ? quantizeVector(values) : { scale: 1, data: values }
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
      insert.run(collectionSeq, chunkSeq, modelSeq, scale, bytes)
    },
    /** Up to `limit` vectors written after `afterSeq`, in the order of writing. */
    page: (collectionSeq: number, modelSeq: number, afterSeq: number, limit: number): StoredVector[] =>
      page.all({ collection: collectionSeq, model: modelSeq, after: afterSeq, limit }),
    find: (seq: number): StoredVector | null => bySeq.get(seq) ?? null,
    ofChunk: (chunkSeq: number, modelSeq: number): StoredVector | null => byChunk.get(chunkSeq, modelSeq) ?? null,
    /** `seq` of all that are there, ascending. */
    seqs: (collectionSeq: number, modelSeq: number): number[] => seqs.all(collectionSeq, modelSeq),
    count: (collectionSeq: number, modelSeq: number): number => count.get(collectionSeq, modelSeq) ?? 0,
    /** New vectors of the model that answers can be found from now on. */
    published: (collectionSeq: number): void => void bump.run(Date.now(), collectionSeq),
    /** Notes that vectors of another model are being made; null: no longer. The present ones answer meanwhile. */
    prepareModel: (collectionSeq: number, modelSeq: number | null): void => void prepare.run(modelSeq, collectionSeq),
    /** The model that was prepared answers from now on; vectors of others go. */
    activateModel: db.transaction((collectionSeq: number): void => {
      if (activate.run(Date.now(), collectionSeq).changes === 0) return
      for (const statement of dropOthers) statement.run({ seq: collectionSeq })
    }),
    graph: (collectionSeq: number, modelSeq: number): VectorGraph | null =>
      selectGraph.get(collectionSeq, modelSeq) ?? null,
    saveGraph(collectionSeq: number, modelSeq: number, graph: VectorGraph): void {
      saveGraph.run(collectionSeq, modelSeq, graph.file, graph.vectors, graph.recallAt10)
    },
    removeGraph: (collectionSeq: number, modelSeq: number): void => void dropGraph.run(collectionSeq, modelSeq),
    /** Files of all graphs in use: what else lies in their folder is left over. */
    graphFiles: (): string[] => allGraphs.all(),
    separation: (collectionSeq: number, modelSeq: number): Separation[] =>
      selectSeparation.all(collectionSeq, modelSeq),
    saveSeparation: db.transaction((collectionSeq: number, modelSeq: number, rows: readonly Separation[]): void => {
      dropSeparation.run(collectionSeq, modelSeq)
      for (const row of rows) addSeparation.run({ ...row, collection: collectionSeq, model: modelSeq })
    }),
  }
}
export type VectorRepository = ReturnType<typeof vectorRepository>
