/** Measurements of the engine, as jobs. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { benchReport, benchRun } from '../../shared/contract/bench'
import { type HandlersFor } from '../../shared/contract/handlers'
import { MoruError } from '../../shared/errors'
import { type JobRunner, type StartedJob } from '../jobs'
import { reported } from '../text'
import { type BenchProgress, type BenchServices, runBench } from './run-bench'

export { measureCeilings } from './run-bench'

type Input = ParsedInputOf<typeof benchRun>
type Event = EventOf<typeof benchRun>

export interface BenchOptions extends Omit<BenchServices, 'modelOf'> {
  jobs: JobRunner
  /** The one the person chose, else the bundled one. */
  defaultModel: () => string | null
}

export function benchHandlers({ jobs, defaultModel, ...services }: BenchOptions): HandlersFor<'benchRun'> {
  const bench = { ...services, modelOf: (named: string | null) => named ?? defaultModel() ?? noModel() }
  const start: Start = (input, listener) =>
    jobs.start(
      { kind: 'bench', title: input.suites.join(', '), parameters: input, unit: 'steps', total: null },
      async (handle, signal) => {
        const onProgress = (progress: BenchProgress) => {
          handle.progress(progress.done, progress.total)
          listener?.progress(progress)
        }
        const running = runBench(bench, input, onProgress, signal)
        running.catch((thrown: unknown) => listener?.failed(thrown))
        return { ...(await running) }
      },
    )
  jobs.onRepeat('bench', (parameters) => start(benchRun.input.parse(parameters)).id)
  return {
    benchRun: (input, { signal }) => reported((report) => follow(jobs, input, start, report, signal)),
  }
}

interface Listener {
  progress(progress: BenchProgress): void
  /** The error itself: the run history keeps its message only. */
  failed(thrown: unknown): void
}
type Start = (input: Input, listener?: Listener) => StartedJob

function noModel(): never {
  throw new MoruError('model_not_loaded', 'No model was named and there is no default: name one, or import one first.')
}

/** Runs the job and tells of it; a caller that leaves ends it. */
async function follow(
  jobs: JobRunner,
  input: Input,
  start: Start,
  report: (event: Event) => void,
  signal: AbortSignal,
): Promise<void> {
  let failure: unknown
  const job = start(input, {
    progress: (progress) => report({ kind: 'progress', jobId: job.id, ...progress }),
    failed: (thrown) => (failure = thrown),
  })
  const cancel = () => jobs.cancel(job.id)
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  const { state, result } = await job.ended
  signal.removeEventListener('abort', cancel)
  if (state === 'done') report({ kind: 'finished', report: benchReport.parse(result) })
  else if (state === 'failed') throw failure
  else throw new MoruError('cancelled', 'The measurement was cancelled.')
}
