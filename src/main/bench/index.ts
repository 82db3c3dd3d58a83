/** Measurements of the engine, as jobs. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { benchReport, benchRun } from '../../shared/contract/bench'
import { type HandlersFor } from '../../shared/contract/handlers'
import { awaitJob, type JobRunner, type JobSpec, type JobWork } from '../jobs'
import { namedModel, reported } from '../text'
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
  const bench = { ...services, modelOf: (named: string | null) => namedModel(named, defaultModel()) }
  const spec = (input: Input): JobSpec => {
    return { kind: 'bench', title: input.suites.join(', '), parameters: input, unit: 'steps', total: null }
  }
  const work =
    (input: Input, report: (event: Event) => void): JobWork =>
    async (handle, signal) => {
      const onProgress = (progress: BenchProgress) => {
        handle.progress(progress.done, progress.total)
        report({ kind: 'progress', jobId: handle.id, ...progress })
      }
      return { ...(await runBench(bench, input, onProgress, signal)) }
    }
  jobs.onRepeat('bench', (parameters) => {
    const input = benchRun.input.parse(parameters)
    return jobs.start(
      spec(input),
      work(input, () => undefined),
    ).id
  })
  return {
    benchRun: (input, { signal }) =>
      reported(async (report) => {
        const result = await awaitJob(jobs, spec(input), work(input, report), signal)
        report({ kind: 'finished', report: benchReport.parse(result) })
      }),
  }
}
