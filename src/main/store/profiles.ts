/** Profiles beside their rows in the run history, and the ceilings that they are held against. */
import { deflateSync, inflateSync } from 'node:zlib'
import { type Ceiling, type Device } from '../../shared/contract/ceilings'
import { MoruError } from '../../shared/errors'
import { type Database } from './database'

type DeviceKey = Pick<Device, 'adapter' | 'driver'>

export interface StoredProfile {
  runId: string
  startedAt: number
  report: unknown
}

interface Row {
  run_id: string
  started_at: number
  report: string
}

export function profileRepository(db: Database) {
  const insert = db.prepare(`INSERT INTO profile (run_id, report, timeline) VALUES (?, ?, ?)`)
  const rows = `SELECT run_id, started_at, report FROM profile JOIN run ON run.id = profile.run_id`
  const newest = db.prepare<[number], Row>(`${rows} ORDER BY run.seq DESC LIMIT ?`)
  const select = db.prepare<[string], Row>(`${rows} WHERE run_id = ?`)
  const timeline = db.prepare<[string], Buffer>(`SELECT timeline FROM profile WHERE run_id = ?`).pluck()
  const stored = (row: Row): StoredProfile => ({
    runId: row.run_id,
    startedAt: row.started_at,
    report: JSON.parse(row.report),
  })
  const missing = (runId: string) => new MoruError('not_found', `There is no profile "${runId}" in the run history.`)

  return {
    /** The run must be in the history. */
    add: (runId: string, report: unknown, events: unknown) =>
      void insert.run(runId, JSON.stringify(report), deflateSync(JSON.stringify(events))),
    /** Newest first. */
    list: (limit: number): StoredProfile[] => newest.all(limit).map(stored),
    /** @throws not_found */
    get(runId: string): StoredProfile {
      const row = select.get(runId)
      if (!row) throw missing(runId)
      return stored(row)
    },
    /** @throws not_found */
    timeline(runId: string): unknown {
      const blob = timeline.get(runId)
      if (!blob) throw missing(runId)
      return JSON.parse(inflateSync(blob).toString('utf8'))
    },
  }
}

export function ceilingRepository(db: Database) {
  const insert = db.prepare(
    `INSERT OR REPLACE INTO ceiling (adapter, driver, name, value, unit, spread, measured_at)
     VALUES (@adapter, @driver, @name, @value, @unit, @spread, @measuredAt)`,
  )
  const select = db.prepare<[string, string], Ceiling & { measured_at: number }>(
    `SELECT name, value, unit, spread, measured_at FROM ceiling WHERE adapter = ? AND driver = ?`,
  )

  return {
    /** Replaces those of the same names. */
    save: db.transaction(({ adapter, driver }: DeviceKey, ceilings: readonly Ceiling[]) => {
      for (const own of ceilings) insert.run({ ...own, adapter, driver, measuredAt: Date.now() })
    }),
    /** [] when none were measured; `measuredAt` of the oldest. */
    of({ adapter, driver }: DeviceKey): { ceilings: Ceiling[]; measuredAt: number | null } {
      const found = select.all(adapter, driver)
      return {
        ceilings: found.map(({ name, value, unit, spread }) => ({ name, value, unit, spread })),
        measuredAt: found.length === 0 ? null : Math.min(...found.map((c) => c.measured_at)),
      }
    },
  }
}
