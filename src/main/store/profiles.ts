/** Profiles beside their rows in the run history, and the ceilings that they are held against. */
import { deflateSync, inflateSync } from 'node:zlib'
import { type Ceiling, type Device } from '../../shared/contract/ceilings'
import { type ProfileReport } from '../../shared/contract/profiler'
import { MoruError } from '../../shared/errors'
import { type Database } from './database'

type DeviceKey = Pick<Device, 'adapter' | 'driver'>

interface Listed {
  runId: string
  /** The run's. */
  title: string
  startedAt: number
}

interface StoredProfile extends Listed {
  report: unknown
}

/** What a list shows: without the kernels, which are most of a report. */
type ProfileHead = Listed & Pick<ProfileReport, 'device' | 'model' | 'promptTokens' | 'completionTokens' | 'wallMs'>

export function profileRepository(db: Database) {
  const insert = db.prepare(`INSERT INTO profile (run_id, report, timeline) VALUES (?, ?, ?)`)
  const listed = 'run_id AS runId, run.title, started_at AS startedAt'
  const joined = 'profile JOIN run ON run.id = profile.run_id'
  const newest = db.prepare<[number], Omit<ProfileHead, 'device' | 'model'> & { device: string; model: string }>(
    `SELECT ${listed}, report -> 'device' AS device, report -> 'model' AS model, report ->> 'wallMs' AS wallMs,
       report ->> 'promptTokens' AS promptTokens, report ->> 'completionTokens' AS completionTokens
     FROM ${joined} ORDER BY run.seq DESC LIMIT ?`,
  )
  const select = db.prepare<[string], Listed & { report: string }>(
    `SELECT ${listed}, report FROM ${joined} WHERE run_id = ?`,
  )
  const timeline = db.prepare<[string], Buffer>(`SELECT timeline FROM profile WHERE run_id = ?`).pluck()
  const missing = (runId: string) => new MoruError('not_found', `There is no profile "${runId}" in the run history.`)

  return {
    /** The run must be in the history. */
    add: (runId: string, report: unknown, events: unknown) =>
      void insert.run(runId, JSON.stringify(report), deflateSync(JSON.stringify(events))),
    /** Newest first. */
    list: (limit: number): ProfileHead[] =>
      newest.all(limit).map((row) => ({ ...row, device: JSON.parse(row.device), model: JSON.parse(row.model) })),
    /** @throws not_found */
    get(runId: string): StoredProfile {
      const row = select.get(runId)
      if (!row) throw missing(runId)
      return { ...row, report: JSON.parse(row.report) }
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
