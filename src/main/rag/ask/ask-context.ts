/** What the stages of a question share. */
import { type EventOf, type ParsedInputOf } from '../../../shared/contract'
import { type askRun, type Citation, type Hit } from '../../../shared/contract/knowledge'
import { type Timings, type Usage } from '../../../shared/contract/sampling'
import { MoruError } from '../../../shared/errors'
import { type AnswerCache, type AnswerContext, type QuestionVector } from '../../cache'
import { type Store } from '../../store'
import { type TextEngine, type TextModel } from '../../text'
import { type CallRecorder } from '../../trace'
import { type EmbeddingSource, type HeldEmbedder } from '../embedding'
import { type Search } from '../search-port'
import { type AskPrompt } from './passages'

export type AskInput = ParsedInputOf<typeof askRun>
export type AskEvent = EventOf<typeof askRun>
export type Finished = Extract<AskEvent, { kind: 'finished' }>

export interface AskServices {
  store: Store
  engine: TextEngine
  embeddings: EmbeddingSource
  search: Search
  cache: AnswerCache
  tracer: CallRecorder
  /** Names a model's files and template, and counts its weights. */
  describeModel(modelId: string): Promise<{ identity: string; parameters: number }>
}

/** What the stages of one question share; each adds what it finds. */
export interface AskContext {
  readonly input: AskInput
  readonly modelId: string
  readonly signal: AbortSignal
  readonly report: (event: AskEvent) => void
  readonly startedAt: number
  /** Milliseconds that each stage took. */
  readonly elapsedMs: Partial<Record<string, number>>
  /** Null: this question is not for the cache. */
  cacheContext: AnswerContext | null
  /** The question as it stands alone. */
  question: string
  /** Where cosines begin to mean something; null where the embedding models do not know the question's language. */
  background: number | null
  vector: QuestionVector | null
  model: TextModel | null
  /** Relevant ones, best first. */
  hits: Hit[]
  prompt: AskPrompt | null
  text: string
  citations: Citation[]
  unsupported: Finished['unsupported']
  usage: Usage | null
  timings: Timings | null
  /** Set by the stage that has the answer: those after it are left out. */
  finished: Finished | null
}

export interface AskStage {
  name: string
  run(context: AskContext): Promise<void>
}

/** The event that ends a question, from what the stages found. */
export function finished(context: AskContext, cache: Finished['cache'], answered: boolean): Finished {
  const { text, citations, unsupported, usage, timings, startedAt } = context
  const retrieveMs = context.elapsedMs.retrieve ?? 0
  const times = { retrieveMs, totalMs: performance.now() - startedAt, generate: timings }
  const kind = cache.kind === 'miss' && !context.cacheContext ? ('off' as const) : cache.kind
  return { kind: 'finished', text, answered, citations, unsupported, cache: { ...cache, kind }, usage, timings: times }
}

/** Works with the embedding model of the first collection. */
export async function withEmbedder<T>(
  { store, embeddings }: AskServices,
  { input, signal }: AskContext,
  work: (held: HeldEmbedder) => Promise<T>,
): Promise<T> {
  const { settings } = store.collections.get(input.collectionIds[0])
  const held = await embeddings.ensureEmbedder(settings.embeddingModel, signal)
  try {
    return await work(held)
  } finally {
    held.release()
  }
}

/** What an earlier stage has found. */
export function needed<T>(value: T | null): T {
  if (value === null) throw new MoruError('internal', 'A stage of the question ran before the one it builds on.')
  return value
}
