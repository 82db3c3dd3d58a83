import { z } from 'zod'
import { id } from './chat'
import { defineRoute, defineStream } from './core'

/** A long piece of work and, once ended, its row in the run history. */
export const job = z.object({
  id,
  kind: z.enum([
    'import',
    'download',
    'bench',
    'index',
    'embed',
    'quantize',
    'compare',
    'convert',
    'fit',
    'imatrix',
    'profile',
    'schedule',
    'evaluate',
  ]),
  title: z.string(),
  state: z.enum(['running', 'done', 'failed', 'cancelled', 'interrupted']),
  done: z.number(),
  total: z.number().nullable(),
  unit: z.enum(['bytes', 'tokens', 'steps', 'documents', 'chunks']),
  ratePerSecond: z.number().nullable(),
  remainingMs: z.number().nullable(),
  parameters: z.record(z.string(), z.unknown()),
  result: z.record(z.string(), z.unknown()).nullable(),
  error: z.string().nullable(),
  startedAt: z.number(),
  endedAt: z.number().nullable(),
})
export type Job = z.infer<typeof job>

/** Running jobs at once, then every change (four a second at most for each job). */
export const jobsFollow = defineStream('jobs.follow', { input: z.object({}), event: job })
export const jobsList = defineRoute('jobs.list', {
  input: z.object({ limit: z.number().int().min(1).max(500).default(100) }),
  output: z.array(job),
})
export const jobsCancel = defineRoute('jobs.cancel', { input: z.object({ id }), output: z.object({}) })
/** Starts a job again with the parameters it had. */
export const jobsRepeat = defineRoute('jobs.repeat', { input: z.object({ id }), output: z.object({ jobId: id }) })
