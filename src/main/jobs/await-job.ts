import { type Job } from '../../shared/contract/jobs'
import { MoruError } from '../../shared/errors'
import { type JobRunner, type JobSpec, type JobWork } from './job-runner'

export interface AwaitedJob {
  id: string
  /** What the run history keeps of it. */
  result: Record<string, unknown> | null
}

/**
 * A job whose starter waits for it: it ends when the starter leaves.
 * @throws the work's own error, of which the history keeps the message alone; cancelled
 */
export async function awaitJob(
  jobs: JobRunner,
  spec: JobSpec,
  work: JobWork,
  signal: AbortSignal,
): Promise<AwaitedJob> {
  let failure: unknown
  const job = jobs.start(spec, async (handle, stop) => {
    const running = work(handle, stop)
    running.catch((thrown: unknown) => (failure = thrown))
    return running
  })
  const cancel = () => jobs.cancel(job.id)
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  const { state, result } = await job.ended
  signal.removeEventListener('abort', cancel)
  if (state === 'done') return { id: job.id, result }
  if (state === 'failed') throw failure
  throw new MoruError('cancelled', `"${spec.title}" was cancelled.`)
}

/** Work that is asked for with `Input` and tells how it gets on; its parameters are the input. */
export interface WatchedWork<Input extends Record<string, unknown>, Told> {
  kind: Job['kind']
  parse(parameters: unknown): Input
  spec(input: Input): Pick<JobSpec, 'title' | 'unit' | 'total'>
  /** Throws what can be known to go wrong before there is a job. */
  work(input: Input, tell: (told: Told) => void): JobWork
}

/** Says how the work is done again, with nobody listening. @returns how it is done for a starter who waits, as awaitJob does. */
export function watchedJob<Input extends Record<string, unknown>, Told>(
  jobs: JobRunner,
  { kind, parse, spec, work }: WatchedWork<Input, Told>,
): (input: Input, tell: (told: Told) => void, signal: AbortSignal) => Promise<AwaitedJob> {
  const whole = (input: Input): JobSpec => ({ kind, parameters: input, ...spec(input) })
  jobs.onRepeat(kind, (parameters) => {
    const input = parse(parameters)
    const alone = work(input, () => undefined)
    return jobs.start(whole(input), alone).id
  })
  return async (input, tell, signal) => awaitJob(jobs, whole(input), work(input, tell), signal)
}
