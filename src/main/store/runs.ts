/** The history of long jobs: a row from the moment one starts, so that a crash leaves a trace of it. */
import { type Job } from '../../shared/contract/jobs'
import { type RunEnvironment } from '../../shared/contract/runs'
import { MoruError } from '../../shared/errors'
import { type Database } from './database'
import { containing } from './like'
import { type Redaction } from './redaction'
import { removeRunsFromCopies } from './schema-copies'

/** A job as stored: without the figures that only a running one has. */
export type Run = Omit<Job, 'ratePerSecond' | 'remainingMs'> & { environment: RunEnvironment | null }

interface Row extends Omit<Run, 'parameters' | 'result' | 'startedAt' | 'endedAt' | 'environment'> {
  parameters: string
  environment: string | null
  result: string | null
  started_at: number
  ended_at: number | null
}

const runOf = (row: Row): Run => ({
  id: row.id,
  kind: row.kind,
  title: row.title,
  state: row.state,
  done: row.done,
  total: row.total,
  unit: row.unit,
  parameters: JSON.parse(row.parameters),
  result: row.result === null ? null : JSON.parse(row.result),
  error: row.error,
  startedAt: row.started_at,
  endedAt: row.ended_at,
  environment: row.environment === null ? null : JSON.parse(row.environment),
})

/** Secrets are taken out of all that a run says. */
export function runRepository(db: Database, redaction: Redaction) {
  const columns =
    'id, kind, title, state, done, total, unit, parameters, result, error, started_at, ended_at, environment'
  const insert = db.prepare(
    `INSERT INTO run (${columns}) VALUES (@id, @kind, @title, @state, @done, @total, @unit, @parameters, @result,
     @error, @startedAt, @endedAt, @environment)`,
  )
  const update = db.prepare(
    `UPDATE run SET title = @title, state = @state, done = @done, total = @total, result = @result, error = @error,
     ended_at = @endedAt, environment = @environment WHERE id = @id`,
  )
  const select = db.prepare<[string], Row>(`SELECT ${columns} FROM run WHERE id = ?`)
  const interrupt = db.prepare(`UPDATE run SET state = 'interrupted', ended_at = ? WHERE state = 'running'`)
  const stored = (run: Run) => ({
    ...run,
    title: redaction.text(run.title),
    parameters: JSON.stringify(redaction.deep(run.parameters)),
    result: run.result && JSON.stringify(redaction.deep(run.result)),
    error: run.error && redaction.text(run.error),
    environment: run.environment && JSON.stringify(run.environment),
  })
  const drop = db.prepare(`DELETE FROM run WHERE id = ? AND state <> 'running'`)

  return {
    add: (run: Run) => void insert.run(stored(run)),
    /** Stores what may change in a run; kind, unit, parameters and startedAt do not. */
    update: (run: Run) => void update.run(stored(run)),
    /** @throws not_found */
    get(id: string): Run {
      const row = select.get(id)
      if (!row) throw new MoruError('not_found', `There is no job "${id}" in the run history.`)
      return runOf(row)
    },
    /** Newest first, of these kinds (null: of all), that hold all words of `search`; `limit` -1: all. */
    list(limit: number, kinds: readonly Run['kind'][] | null = null, search = ''): Run[] {
      const words = search.split(/\s+/).filter(Boolean)
      const holds = words.map(() => `(title || ' ' || parameters || ' ' || coalesce(error, '')) LIKE ? ESCAPE '\\'`)
      const ofKinds = kinds ? ['kind IN (SELECT value FROM json_each(?))'] : []
      const where = [...ofKinds, ...holds].join(' AND ') || '1'
      const values = [...(kinds ? [JSON.stringify(kinds)] : []), ...words.map(containing)]
      const sql = `SELECT ${columns} FROM run WHERE ${where} ORDER BY seq DESC LIMIT ?`
      return db
        .prepare<unknown[], Row>(sql)
        .all(...values, limit)
        .map(runOf)
    },
    /** Deletes those that have ended, for good. @returns how many. */
    remove(ids: readonly string[]): number {
      db.pragma('secure_delete = ON')
      const removed = db.transaction(() => ids.filter((id) => drop.run(id).changes > 0))()
      db.pragma('secure_delete = OFF')
      db.pragma('wal_checkpoint(TRUNCATE)')
      removeRunsFromCopies(db, removed)
      return removed.length
    },
    /** Marks runs whose host has gone. @returns how many. */
    markInterrupted: () => interrupt.run(Date.now()).changes,
  }
}
export type RunRepository = ReturnType<typeof runRepository>
