/** Collections by the names that people give them, and jobs watched to their end. */
import { type OutputOf } from '../../shared/contract'
import { jobsCancel, jobsList } from '../../shared/contract/jobs'
import { type Collection, collectionsList, searchMode, type SearchMode } from '../../shared/contract/knowledge'
import { MoruError } from '../../shared/errors'
import { type Context, oneOf, type Values } from './command'

type Job = OutputOf<typeof jobsList>[number]

/** Jobs are looked at this often. */
const lookEveryMs = 100

export async function findCollection(name: string, context: Context): Promise<Collection | null> {
  const client = await context.client()
  const all = await client.request(collectionsList, {}, { signal: context.signal })
  return all.find((one) => one.name === name.normalize('NFC')) ?? null
}

/** The collection of `--collection`. @throws not_found with the names there are. */
export async function collectionOf(values: Values, context: Context): Promise<Collection> {
  const name = values.required('collection')
  const found = await findCollection(name, context)
  if (found) return found
  const all = await (await context.client()).request(collectionsList, {}, { signal: context.signal })
  const names = all.map((one) => one.name).join(', ')
  throw new MoruError('not_found', `There is no collection "${name}"${names ? ` (there are: ${names})` : ''}.`)
}

/** The mode of `--mode`; hybrid where none is named. */
export const modeOf = (values: Values): SearchMode =>
  oneOf('mode', values.filled('mode') ?? 'hybrid', searchMode.options)

/** Watches a job to its end. @throws what it failed with; cancelled when it was stopped. */
export async function finishedJob(jobId: string, context: Context): Promise<NonNullable<Job['result']>> {
  const client = await context.client()
  for (;;) {
    const job = (await client.request(jobsList, { limit: 100 })).find((one) => one.id === jobId)
    if (!job) throw new MoruError('internal', 'The job is not in the run history.')
    if (job.state === 'done') return job.result ?? {}
    if (job.state === 'failed') throw new MoruError('io', job.error ?? 'The job failed.')
    if (job.state !== 'running')
      throw new MoruError('cancelled', 'The work was stopped. The same command goes on with it.')
    if (context.signal.aborted) await client.request(jobsCancel, { id: jobId })
    context.progress(progressText(job))
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
}

function progressText({ done, total, unit, ratePerSecond, remainingMs }: Job): string {
  const rate = ratePerSecond === null ? '' : `, ${ratePerSecond.toFixed(1)} a second`
  const left = remainingMs === null ? '' : `, ${Math.ceil(remainingMs / 1000)} s left`
  return `${done} of ${total ?? '?'} ${unit}${rate}${left}`
}
