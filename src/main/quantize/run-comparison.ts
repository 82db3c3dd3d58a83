/** Comparing two models on a text, as a job. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { type compareRun, comparison } from '../../shared/contract/quantize'
import { awaitJob } from '../jobs'
import { loadAttributes } from '../trace'
import { type CompareListener, compareText } from './compare-text'
import { type QuantizeServiceOptions } from './quantize-service'

/** Throws what compareText throws. */
export async function runComparison(
  { library, jobs, tracer }: Pick<QuantizeServiceOptions, 'library' | 'jobs' | 'tracer'>,
  input: ParsedInputOf<typeof compareRun>,
  report: (event: EventOf<typeof compareRun>) => void,
  signal: AbortSignal,
): Promise<void> {
  const [a, b] = [await library.resolve(input.models[0]), await library.resolve(input.models[1])]
  const { path, window, windows, skip } = input
  const attributes = {
    'moru.compare.models': [a.id, b.id],
    ...loadAttributes(input.load),
    'moru.compare.window': window,
    'moru.compare.windows': windows,
    'moru.compare.skip': skip,
  }
  const asked = () => [{ role: 'user' as const, content: path }]
  const spec = {
    kind: 'compare' as const,
    title: `${a.name} / ${b.name}`,
    parameters: { ...input, models: [a.path, b.path] },
    unit: 'tokens' as const,
    total: windows * (window - 1),
  }
  const { result } = await awaitJob(
    jobs,
    spec,
    (handle, stop) => {
      const listener: CompareListener = {
        progress: (stage, done, total, kld) => {
          if (stage === 'predict') handle.progress(done, total)
          report({ kind: 'progress', jobId: handle.id, stage, done, total, kld })
        },
        window: (measured, tokens) =>
          report({ kind: 'window', window: measured, tokens: input.perToken ? tokens() : [] }),
      }
      const call = { attributes: { ...attributes, 'moru.run.id': handle.id }, input: asked }
      return tracer.run('compare', call, async (span) => {
        const found = await compareText(library, [a.path, b.path], input, listener, stop)
        span?.set({ 'moru.compare.kld': found.kld, 'moru.compare.perplexity': found.perplexity })
        return { ...found }
      })
    },
    signal,
  )
  report({ kind: 'finished', comparison: comparison.parse(result) })
}
