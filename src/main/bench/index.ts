/** Measurements of the engine, as jobs. */
import { type EventOf } from '../../shared/contract'
import { benchReport, benchRun } from '../../shared/contract/bench'
import { type HandlersFor } from '../../shared/contract/handlers'
import { type JobRunner, watchedJob } from '../jobs'
import { namedModel, reported } from '../text'
import { type BenchProgress, type BenchServices, runBench } from './run-bench'

export { measureCeilings } from './run-bench'

type Event = EventOf<typeof benchRun>

export interface BenchOptions extends Omit<BenchServices, 'modelOf'> {
  jobs: JobRunner
  /** The one the person chose, else the bundled one. */
  defaultModel: () => string | null
}

export function benchHandlers({ jobs, defaultModel, ...services }: BenchOptions): HandlersFor<'benchRun'> {
  const bench = { ...services, modelOf: (named: string | null) => namedModel(named, defaultModel()) }
  const run = watchedJob(jobs, {
    kind: 'bench',
    parse: (parameters) => benchRun.input.parse(parameters),
    spec: ({ suites }) => ({ title: suites.join(', '), unit: 'steps', total: null }),
    work: (input, tell: (event: Event) => void) => async (handle, signal) => {
      const onProgress = (progress: BenchProgress) => {
        handle.progress(progress.done, progress.total)
        tell({ kind: 'progress', jobId: handle.id, ...progress })
      }
      return { ...(await runBench(bench, input, onProgress, signal)) }
    },
  })
  return {
    benchRun: (input, { signal }) =>
      reported(async (report) => {
        const { result } = await run(input, report, signal)
        report({ kind: 'finished', report: benchReport.parse(result) })
      }),
  }
}
