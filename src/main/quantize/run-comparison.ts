/** Comparing two models on a text, as a job. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import {
  type compareEmbeddings,
  type compareRun,
  comparison,
  type Comparison,
  embeddingComparison,
  type EmbeddingComparison,
} from '../../shared/contract/quantize'
import { awaitJob, type JobHandle, type JobSpec } from '../jobs'
import { type Attributes, loadAttributes } from '../trace'
import { compareEmbedders } from './compare-embeddings'
import { type CompareListener, compareText } from './compare-text'
import { type Pair } from './open-models'
import { type QuantizeServiceOptions } from './quantize-service'

type Services = Pick<QuantizeServiceOptions, 'library' | 'jobs' | 'tracer'>
type Models = ParsedInputOf<typeof compareEmbeddings>['models']

interface Work<Found> extends Pick<JobSpec, 'unit' | 'total'> {
  attributes: Attributes
  /** What the trace says was asked. */
  asked: string
  work: (paths: Pair<string>, handle: JobHandle, signal: AbortSignal) => Promise<Found>
  /** What the trace says of the result. */
  figures: (found: Found) => Attributes
}

/** Throws what compareText throws. */
export async function runComparison(
  services: Services,
  input: ParsedInputOf<typeof compareRun>,
  report: (event: EventOf<typeof compareRun>) => void,
  signal: AbortSignal,
): Promise<void> {
  const { path, window, windows, skip } = input
  const result = await inJob<Comparison>(
    services,
    input,
    {
      unit: 'tokens',
      total: windows * (window - 1),
      asked: path,
      attributes: {
        ...loadAttributes(input.load),
        'moru.compare.window': window,
        'moru.compare.windows': windows,
        'moru.compare.skip': skip,
      },
      work: (paths, handle, stop) => {
        const listener: CompareListener = {
          progress: (stage, done, total, kld) => {
            if (stage === 'predict') handle.progress(done, total)
            report({ kind: 'progress', jobId: handle.id, stage, done, total, kld })
          },
          window: (measured, tokens) =>
            report({ kind: 'window', window: measured, tokens: input.perToken ? tokens() : [] }),
        }
        return compareText(services.library, paths, input, listener, stop)
      },
      figures: ({ kld, perplexity }) => ({ 'moru.compare.kld': kld, 'moru.compare.perplexity': perplexity }),
    },
    signal,
  )
  report({ kind: 'finished', comparison: comparison.parse(result) })
}

/** Throws what compareEmbedders throws. */
export async function runEmbeddingComparison(
  services: Services,
  input: ParsedInputOf<typeof compareEmbeddings>,
  report: (event: EventOf<typeof compareEmbeddings>) => void,
  signal: AbortSignal,
): Promise<void> {
  const { path, set, passages } = input
  const result = await inJob<EmbeddingComparison>(
    services,
    input,
    {
      unit: 'chunks',
      total: null,
      asked: [path, set].filter((one) => one !== null).join('\n'),
      attributes: { 'moru.compare.passages': passages },
      work: (paths, handle, stop) =>
        compareEmbedders(
          services.library,
          paths,
          input,
          (stage, done, total) => {
            if (stage !== 'load') handle.progress(done, total)
            report({ kind: 'progress', jobId: handle.id, stage, done, total })
          },
          stop,
        ),
      figures: ({ cosine, neighbours, retrieval }) => ({
        'moru.compare.cosine': cosine,
        'moru.compare.shared_neighbours': neighbours.shared,
        ...(retrieval && { 'moru.compare.ndcg_at_10': retrieval.ndcgAt10 }),
      }),
    },
    signal,
  )
  report({ kind: 'finished', comparison: embeddingComparison.parse(result) })
}

/** @returns the job's result, as the run history keeps it. */
async function inJob<Found extends Record<string, unknown>>(
  { library, jobs, tracer }: Services,
  input: { models: Models },
  { unit, total, attributes, asked, work, figures }: Work<Found>,
  signal: AbortSignal,
): Promise<unknown> {
  const [a, b] = [await library.resolve(input.models[0]), await library.resolve(input.models[1])]
  const spec = {
    kind: 'compare' as const,
    title: `${a.name} / ${b.name}`,
    parameters: { ...input, models: [a.path, b.path] },
    unit,
    total,
  }
  const { result } = await awaitJob(
    jobs,
    spec,
    (handle, stop) => {
      const call = {
        attributes: { 'moru.compare.models': [a.id, b.id], ...attributes, 'moru.run.id': handle.id },
        input: () => [{ role: 'user' as const, content: asked }],
      }
      return tracer.run('compare', call, async (span) => {
        const found = await work([a.path, b.path], handle, stop)
        const told = figures(found)
        span?.set(told)
        span?.output([{ role: 'assistant', content: JSON.stringify(told, null, 2) }])
        return found
      })
    },
    signal,
  )
  return result
}
