/** Fitting a recipe to a size, as a job. */
import { basename } from 'node:path'
import { fitted, type Fitted, quantizeFit } from '../../shared/contract/quantize'
import { watchedJob } from '../jobs'
import { fitToSize, type FitEvent } from './fit'
import { type FitInput } from './fit-candidates'
import { type QuantizeServiceOptions } from './quantize-service'

/** Rows of the history that are looked through. */
const historyRows = 100

/** @returns what runs it for a caller who listens; throws what fitting throws. */
export function fitJob({ library, jobs, sources }: Pick<QuantizeServiceOptions, 'library' | 'jobs' | 'sources'>) {
  const earlier = (key: string): Fitted | null => {
    for (const { state, result } of jobs.list(historyRows, ['fit'])) {
      if (state !== 'done' || result?.key !== key) continue
      const found = fitted.safeParse(result)
      if (found.success) return found.data
    }
    return null
  }
  const run = watchedJob(jobs, {
    kind: 'fit',
    parse: (parameters) => quantizeFit.input.parse(parameters),
    spec: ({ model, budgetBytes, methods }) => ({
      title: `${basename(model ?? '')} ${methods.join(' ')} ${(budgetBytes / 1e6).toFixed(1)} MB`,
      unit: 'steps',
      total: null,
    }),
    work: (input, tell: (event: FitEvent) => void) => async (handle, signal) => {
      const onProgress = (done: number, total: number) => {
        handle.progress(done, total)
        tell({ kind: 'progress', jobId: handle.id, done, total })
      }
      const model = await library.resolve(input.model)
      return { ...(await fitToSize({ model, input, sources, earlier }, onProgress, signal)) }
    },
  })
  return async (input: FitInput, report: (event: FitEvent) => void, signal: AbortSignal): Promise<void> => {
    const { path } = await library.resolve(input.model)
    const { result } = await run({ ...input, model: path }, report, signal)
    report({ kind: 'finished', fitted: fitted.parse(result) })
  }
}
