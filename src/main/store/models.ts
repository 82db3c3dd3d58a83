/** The model library's rows: where a model's files are and what was read from them. */
import { type ModelSummary } from '../../shared/contract/models'
import { MoruError } from '../../shared/errors'
import { type Database } from './database'

export interface ModelFile {
  path: string
  sizeBytes: number
  /** Modification time when it was read: tells whether the file has changed since. */
  mtimeMs: number
  /** Of the whole file, in lower-case hexadecimal; null while nobody computed it. */
  sha256: string | null
}

export interface ModelRow {
  id: string
  name: string
  source: ModelSummary['source']
  /** The file, the first shard, or the safetensors folder: what a person named. One row a path. */
  path: string
  format: ModelSummary['format']
  /** All weight files in their order. */
  files: ModelFile[]
  /** What was read from the files, as the model library writes it. */
  metadata: Record<string, unknown>
  addedAt: number
}

type Row = Omit<ModelRow, 'files' | 'metadata' | 'addedAt'> & { metadata: string; added_at: number }
type FileRow = { model_id: string; path: string; size_bytes: number; mtime_ms: number; sha256: string | null }

const fileOf = (row: FileRow): ModelFile => ({
  path: row.path,
  sizeBytes: row.size_bytes,
  mtimeMs: row.mtime_ms,
  sha256: row.sha256,
})

export function modelRepository(db: Database) {
  const columns = 'id, name, source, path, format, metadata, added_at'
  const select = db.prepare<[string], Row>(`SELECT ${columns} FROM model WHERE id = ?`)
  const selectByPath = db.prepare<[string], Row>(`SELECT ${columns} FROM model WHERE path = ?`)
  const selectAll = db.prepare<[], Row>(`SELECT ${columns} FROM model ORDER BY added_at, rowid`)
  const selectFiles = db.prepare<[string], FileRow>(`SELECT * FROM model_file WHERE model_id = ? ORDER BY position`)
  const upsert = db.prepare(
    `INSERT INTO model (id, name, source, path, format, metadata, added_at)
     VALUES (@id, @name, @source, @path, @format, @metadata, @addedAt)
     ON CONFLICT (id) DO UPDATE SET name = @name, source = @source, path = @path, format = @format, metadata = @metadata`,
  )
  const dropFiles = db.prepare(`DELETE FROM model_file WHERE model_id = ?`)
  const insertFile = db.prepare(
    `INSERT INTO model_file (model_id, position, path, size_bytes, mtime_ms, sha256) VALUES (?, ?, ?, ?, ?, ?)`,
  )
  const drop = db.prepare(`DELETE FROM model WHERE id = ?`)

  const modelOf = (row: Row): ModelRow => ({
    id: row.id,
    name: row.name,
    source: row.source,
    path: row.path,
    format: row.format,
    files: selectFiles.all(row.id).map(fileOf),
    metadata: JSON.parse(row.metadata),
    addedAt: row.added_at,
  })

  return {
    /** Oldest first. */
    list: (): ModelRow[] => selectAll.all().map(modelOf),
    find(id: string): ModelRow | null {
      const row = select.get(id)
      return row ? modelOf(row) : null
    },
    findByPath(path: string): ModelRow | null {
      const row = selectByPath.get(path)
      return row ? modelOf(row) : null
    },
    /** Adds a model or replaces the row of that id (which keeps its addedAt). @throws conflict when another has its path. */
    save: db.transaction((model: ModelRow): void => {
      const other = selectByPath.get(model.path)
      if (other && other.id !== model.id)
        throw new MoruError('conflict', `${model.path} is in the library already, as "${other.name}".`, {
          details: { id: other.id },
        })
      upsert.run({ ...model, files: undefined, metadata: JSON.stringify(model.metadata) })
      dropFiles.run(model.id)
      model.files.forEach((f, i) => insertFile.run(model.id, i, f.path, f.sizeBytes, f.mtimeMs, f.sha256))
    }),
    /** @throws not_found */
    remove(id: string): void {
      if (drop.run(id).changes === 0) throw new MoruError('not_found', `There is no model "${id}" in the library.`)
    },
  }
}
export type ModelRepository = ReturnType<typeof modelRepository>
