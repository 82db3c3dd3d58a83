/** evaluate.retrieval: how well search finds what is known to be relevant, mode by mode. */
import { type EventOf, type ParsedInputOf } from '../../../shared/contract'
import { type evaluateRetrieval, type RetrievalMetrics, type SearchMode } from '../../../shared/contract/knowledge'
import { throwIfCancelled } from '../../../shared/errors'
import { awaitJob, type JobRunner, type JobWork } from '../../jobs'
import { reported, type TextEngine } from '../../text'
import { type IndexServices } from '../indexing/index-collection'
import { beirFiles, type EvaluatedQuery, queriesOf } from './beir'
import { beirCollection } from './beir-collection'
import { figuresOf, firstRelevant, type Ranked } from './metrics'
import { generatedQueries, queriesFromFile } from './own-queries'

export type EvaluateInput = ParsedInputOf<typeof evaluateRetrieval>
export type EvaluateEvent = EventOf<typeof evaluateRetrieval>
export type Report = (event: EvaluateEvent) => void
type Progress = Extract<EvaluateEvent, { kind: 'progress' }>

export interface EvaluateServices extends IndexServices {
  engine: TextEngine
  /** For queries written by the model; null: there is none. */
  defaultModel: () => string | null
}

interface Evaluated {
  collectionId: string
  queries: EvaluatedQuery[]
  /** What names a hit's document among the relevant ones. */
  nameOf: (hit: { documentId: string; path: string }) => string
}

/** Hits that a cross-encoder looks at. */
const reranked = 50
/** Documents that recall@100 needs. */
const depth = 100

/** A job: its figures stand in the run history, and it ends when the caller leaves. */
export function evaluate(
  services: EvaluateServices & { jobs: JobRunner },
  input: EvaluateInput,
  signal: AbortSignal,
): AsyncGenerator<EvaluateEvent> {
  const { source, modes, embeddingModel, rerankModel, koreanMorphemes } = input
  const of = source.kind === 'beir' ? source.path : services.store.collections.get(source.collectionId).name
  const parameters = { source, modes, embeddingModel, rerankModel, koreanMorphemes }
  const spec = { kind: 'evaluate' as const, title: of, parameters, unit: 'steps' as const, total: null }
  return reported<EvaluateEvent>(async (report) => {
    const work: JobWork = (handle, stop) => {
      const tell: Report = (event) => {
        if (event.kind === 'progress' && event.stage === 'search') handle.progress(event.done, event.total)
        report(event)
      }
      const attributes = { 'moru.run.id': handle.id, 'moru.evaluate.modes': modes }
      const asked = () => [{ role: 'user' as const, content: of }]
      return services.tracer.run('evaluate', { attributes, input: asked }, () => measure(services, input, tell, stop))
    }
    await awaitJob(services.jobs, spec, work, signal)
  })
}

async function measure(
  services: EvaluateServices,
  input: EvaluateInput,
  report: Report,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const evaluated = await prepare(services, input, report, signal)
  const results: RetrievalMetrics[] = []
  const ranks: (number | null)[][] = evaluated.queries.map(() => [])
  for (const [i, { mode, rerank }] of input.modes.entries()) {
    const progress = progressOf('search', evaluated.queries.length * input.modes.length, report)
    const onQuery = (done: number) => progress(i * evaluated.queries.length + done)
    const { rankings, medianMs } = await searchAll(services, evaluated, mode, rerank, onQuery, signal)
    rankings.forEach((ranking, q) => ranks[q].push(firstRelevant(ranking)))
    results.push({ mode, rerank, ...figuresOf(rankings), medianMs })
  }
  const perQuery = evaluated.queries.map(({ query, grades, generated }, i) => {
    const relevant = [...grades].filter(([, grade]) => grade > 0).map(([id]) => id)
    return { query, relevant, rank: ranks[i], generated }
  })
  report({ kind: 'finished', results, perQuery })
  return { results, queries: evaluated.queries.length }
}

/** Reports how far a stage is, four times a second at most and at its end. */
export function progressOf(stage: Progress['stage'], total: number, report: Report): (done: number) => void {
  const start = performance.now()
  let last = -Infinity
  return (done) => {
    const now = performance.now()
    if (now - last < 250 && done < total) return
    last = now
    report({ kind: 'progress', stage, done, total, ratePerSecond: (done * 1000) / Math.max(1, now - start) })
  }
}

async function prepare(
  services: EvaluateServices,
  input: EvaluateInput,
  report: Report,
  signal: AbortSignal,
): Promise<Evaluated> {
  const { source } = input
  const byId = (hit: { documentId: string }) => hit.documentId
  if (source.kind === 'queries')
    return {
      collectionId: source.collectionId,
      queries: await queriesFromFile(services.store, source, signal),
      nameOf: byId,
    }
  if (source.kind === 'generated')
    return {
      collectionId: source.collectionId,
      queries: await generatedQueries(services, source, report, signal),
      nameOf: byId,
    }
  const files = await beirFiles(source.path)
  // A broken file of queries is told before hours of embedding, not after.
  const queries = await queriesOf(files, signal)
  const collectionId = await beirCollection(services, files.corpus, input, report, signal)
  return { collectionId, queries, nameOf: (hit) => hit.path }
}

async function searchAll(
  { store, search }: EvaluateServices,
  { collectionId, queries, nameOf }: Evaluated,
  mode: SearchMode,
  rerank: boolean,
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<{ rankings: Ranked[]; medianMs: number }> {
  const { chunks, documents } = store.collections.get(collectionId)
  // A document counts by its best chunk, so there must be chunks enough for so many documents.
  const k = Math.min(1000, Math.ceil(depth * Math.max(1, chunks / Math.max(1, documents)) * 2))
  const options = {
    collectionIds: [collectionId],
    k,
    mode,
    rerank: rerank ? reranked : 0,
    mmrLambda: null,
    denseWeight: null,
    neighbours: 0,
    filter: {},
  }
  const rankings: Ranked[] = []
  const times: number[] = []
  for (const { query, grades } of queries) {
    throwIfCancelled(signal)
    const start = performance.now()
    const asked = { ...options, query: query.slice(0, 10_000) }
    const { hits } = await search.run(asked, signal, { highlights: false })
    times.push(performance.now() - start)
    rankings.push({ ranking: [...new Set(hits.map(nameOf))], grades })
    onProgress(rankings.length)
  }
  times.sort((a, b) => a - b)
  return { rankings, medianMs: times[times.length >> 1] ?? 0 }
}
