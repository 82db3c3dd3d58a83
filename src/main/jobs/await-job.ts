import { MoruError } from '../../shared/errors'
import { type JobRunner, type JobSpec, type JobWork } from './job-runner'

/**
 * A job whose starter waits for it: it ends when the starter leaves. @returns what the run history keeps of it.
 * @throws the work's own error, of which the history keeps the message alone; cancelled
 */
export async function awaitJob(
  jobs: JobRunner,
  spec: JobSpec,
  work: JobWork,
  signal: AbortSignal,
): Promise<Record<string, unknown> | null> {
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
  if (state === 'done') return result
  if (state === 'failed') throw failure
  throw new MoruError('cancelled', `"${spec.title}" was cancelled.`)
}
