/** The run history as experiments: what long work was done with, on what, and what came of it. */
import { z } from 'zod'
import { id } from './chat'
import { defineRoute } from './core'
import { job } from './jobs'

/** Program and machine that did the work. */
export const runEnvironment = z.object({
  version: z.string(),
  /** The first digits of a hash of the sources that the program was built from; null where that is not known. */
  build: z.string().nullable(),
  node: z.string(),
  platform: z.string(),
  adapter: z.string().nullable(),
  software: z.boolean(),
})
export type RunEnvironment = z.infer<typeof runEnvironment>

export const runSummary = job.omit({ ratePerSecond: true, remainingMs: true, result: true }).extend({
  /** null: from before it was noted. */
  environment: runEnvironment.nullable(),
  /** Figures of the result by name: 'decode', 'hybrid.ndcgAt10'. */
  metrics: z.record(z.string(), z.number()),
  /** Of those that the result names a unit for: 'tokens/s'. */
  units: z.record(z.string(), z.string()),
  /** Files that the run made. */
  artefacts: z.array(z.string()),
})
export type RunSummary = z.infer<typeof runSummary>
export const runDetail = runSummary.extend({ result: z.record(z.string(), z.unknown()).nullable() })
export type RunDetail = z.infer<typeof runDetail>

/** Newest first. */
export const runsList = defineRoute('runs.list', {
  input: z.object({
    kinds: z.array(job.shape.kind).optional(),
    /** All words, in title, parameters or error. */
    search: z.string().max(500).default(''),
    limit: z.number().int().min(1).max(5000).default(500),
  }),
  output: z.array(runSummary),
})
export const runsGet = defineRoute('runs.get', { input: z.object({ id }), output: runDetail })
/** Forgets runs that have ended; files that they made stay. */
export const runsRemove = defineRoute('runs.remove', {
  input: z.object({ ids: z.array(id).min(1).max(5000) }),
  output: z.object({ removed: z.number().int() }),
})
/** Writes runs into a new folder on the host, laid out as MLflow's file store: `mlflow ui --backend-store-uri FOLDER`. */
export const runsExport = defineRoute('runs.export', {
  input: z.object({
    /** null: all that have ended. */
    ids: z.array(id).min(1).max(5000).nullable().default(null),
    folder: z.string().min(1).max(4096),
  }),
  output: z.object({ folder: z.string(), runs: z.number().int() }),
})
