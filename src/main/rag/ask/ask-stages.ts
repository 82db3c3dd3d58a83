/** What a question goes through, by name and in order. A later stage (a guard, a trace) is one more entry. */
import { type EventOf, type ParsedInputOf } from '../../../shared/contract'
import { type askRun, type Citation, type Hit } from '../../../shared/contract/knowledge'
import { type Timings, type Usage } from '../../../shared/contract/sampling'
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { type AnswerCache, type AnswerContext, type CacheHit, type QuestionVector } from '../../cache'
import { type Store } from '../../store'
import { type TextEngine, type TextModel } from '../../text'
import { languageOf } from '../documents'
import { type EmbeddingSource } from '../embedding'
import { type Search } from '../search-port'
import { citeAnswer, closestSentence, type Compare } from './citations'
import { knownLanguages } from './known-languages'
import { composeAskPrompt, type AskPrompt, type Passage, promptVersion } from './passages'
import { relevantHits } from './relevance'
import { dependsOnHistory, joined, rewriteQuestion } from './rewrite'

export type AskInput = ParsedInputOf<typeof askRun>
export type AskEvent = EventOf<typeof askRun>
type Finished = Extract<AskEvent, { kind: 'finished' }>

export interface AskServices {
  store: Store
  engine: TextEngine
  embeddings: EmbeddingSource
  search: Search
  cache: AnswerCache
  /** Names a model's files and template. */
  modelIdentity(modelId: string): Promise<string>
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
  /** Whether the embedding models of all collections know the question's language. */
  languageKnown: boolean
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

/** What is kept with a cached answer. */
interface KeptAnswer {
  hits: Hit[]
  leftOut: number
  text: string
  citations: Citation[]
  unsupported: Finished['unsupported']
}

/** Chunks that are looked at; how many of them the prompt takes is up to their relevance and the room. */
const retrieved = 12
const mostPassages = 6

export const askStages = (services: AskServices): AskStage[] => [
  { name: 'recall', run: (context) => recallExact(services, context) },
  { name: 'rewrite', run: (context) => rewrite(services, context) },
  { name: 'retrieve', run: (context) => retrieve(services, context) },
  { name: 'judge', run: judge },
  { name: 'recall-similar', run: (context) => recallSimilar(services, context) },
  { name: 'load', run: (context) => load(services, context) },
  { name: 'prompt', run: preparePrompt },
  { name: 'generate', run: generate },
  { name: 'cite', run: (context) => cite(services, context) },
  { name: 'keep', run: (context) => keep(services, context) },
]

/** Runs the stages until one has the answer; whatever happens, the model is released. */
export async function runAskStages(stages: AskStage[], context: AskContext): Promise<void> {
  try {
    for (const stage of stages) {
      throwIfCancelled(context.signal)
      const start = performance.now()
      await stage.run(context)
      context.elapsedMs[stage.name] = performance.now() - start
      if (context.finished) break
    }
  } finally {
    context.model?.release()
  }
  context.report(
    context.finished ?? finished(context, { kind: 'miss', question: null, distance: null, savedMs: null }, true),
  )
}

function finished(context: AskContext, cache: Finished['cache'], answered: boolean): Finished {
  const { text, citations, unsupported, usage, timings, startedAt } = context
  const retrieveMs = context.elapsedMs.retrieve ?? 0
  const times = { retrieveMs, totalMs: performance.now() - startedAt, generate: timings }
  const kind = cache.kind === 'miss' && !context.cacheContext ? ('off' as const) : cache.kind
  return { kind: 'finished', text, answered, citations, unsupported, cache: { ...cache, kind }, usage, timings: times }
}

const askedOf = ({ question, history }: AskInput) => ({ question, history })

async function recallExact(services: AskServices, context: AskContext): Promise<void> {
  const { input } = context
  if (!input.useCache || (input.sampling.temperature > 0 && !input.cacheSampled)) return
  const collections = input.collectionIds.map((id) => services.store.collections.searchState(id))
  context.cacheContext = {
    model: { files: await services.modelIdentity(context.modelId), load: input.load },
    sampling: input.sampling,
    template: promptVersion,
    collections: collections.map(({ id, version }) => ({ id, version })),
    rest: { rerank: input.rerank, settings: collections.map(({ settings }) => settings) },
  }
  const hit = services.cache.findExact(context.cacheContext, askedOf(input))
  if (hit) answerFromCache(context, hit)
}

function answerFromCache(context: AskContext, hit: CacheHit): void {
  const kept = hit.answer as KeptAnswer
  context.report({ kind: 'retrieved', question: hit.question, hits: kept.hits, leftOut: kept.leftOut })
  context.report({ kind: 'delta', text: kept.text })
  Object.assign(context, { text: kept.text, citations: kept.citations, unsupported: kept.unsupported })
  const { kind, question, distance, savedMs } = hit
  context.finished = finished(context, { kind, question, distance, savedMs }, true)
}

async function rewrite(services: AskServices, context: AskContext): Promise<void> {
  const { question, history } = context.input
  if (!dependsOnHistory(question, history)) return
  await load(services, context)
  const rewritten = context.model
    ? await rewriteQuestion(context.model, question, history, context.signal)
    : { question: joined(question, history) }
  context.question = rewritten.question
}

async function retrieve({ store, search }: AskServices, context: AskContext): Promise<void> {
  const { collectionIds, rerank } = context.input
  const query = { collectionIds, query: context.question.slice(0, 10_000), k: retrieved, rerank }
  const found = await search.run({ ...defaultSearch, ...query }, context.signal)
  context.hits = found.hits
  context.languageKnown = knownLanguages(store, collectionIds).has(languageOf(context.question))
}

const defaultSearch = { mode: 'hybrid', mmrLambda: null, neighbours: 0, filter: {} } as const

async function judge(context: AskContext): Promise<void> {
  const { hits } = relevantHits(context.question, context.hits, () => context.languageKnown)
  context.hits = hits.slice(0, mostPassages)
  if (hits.length > 0) return
  context.report({ kind: 'retrieved', question: context.question, hits: [], leftOut: 0 })
  context.text = noAnswer[languageOf(context.input.question)]
  context.report({ kind: 'delta', text: context.text })
  context.finished = finished(
    context,
    { kind: context.cacheContext ? 'miss' : 'off', question: null, distance: null, savedMs: null },
    false,
  )
}

const noAnswer = {
  en: 'The documents do not answer this question.',
  other: 'The documents do not answer this question.',
  ko: '문서에서 이 질문의 답을 찾지 못했습니다.',
}
const closest = {
  en: (quote: string) => `Closest in the documents: “${quote}”`,
  other: (quote: string) => `Closest in the documents: “${quote}”`,
  ko: (quote: string) => `문서에서 가장 가까운 구절: “${quote}”`,
}

async function recallSimilar({ store, embeddings, cache }: AskServices, context: AskContext): Promise<void> {
  if (!context.cacheContext || !context.languageKnown) return
  const { settings } = store.collections.get(context.input.collectionIds[0])
  const held = await embeddings.ensureEmbedder(settings.embeddingModel, context.signal)
  try {
    const [values] = await held.embedder.embed([context.question], { kind: 'query', signal: context.signal })
    context.vector = { key: held.key, values: unit(values) }
  } finally {
    held.release()
  }
  // The same best passage: what embeddings of questions do not tell apart, the documents often do.
  const best = context.hits[0].chunkId
  const accept = (answer: unknown) => (answer as KeptAnswer).hits[0]?.chunkId === best
  const hit = cache.findSimilar(context.cacheContext, context.question, context.vector, accept)
  if (hit) answerFromCache(context, hit)
}

async function load({ engine }: AskServices, context: AskContext): Promise<void> {
  if (context.model) return
  const report = (done: number, total: number) => context.report({ kind: 'progress', stage: 'loading', done, total })
  context.model = await engine.ensureLoaded(context.modelId, context.input.load, report, context.signal)
}

async function preparePrompt(context: AskContext): Promise<void> {
  const { hits, question, input } = context
  const prompt = composeAskPrompt(needed(context.model), question, hits, input.sampling.maxTokens)
  if (prompt.passages.length === 0)
    throw new MoruError(
      'context_full',
      'Not even one passage has room beside the question. Shorten the question, or load the model with a longer context.',
    )
  context.prompt = prompt
  const shown = prompt.passages.map(({ hit }) => hit)
  context.report({ kind: 'retrieved', question, hits: shown, leftOut: prompt.leftOut })
}

async function generate(context: AskContext): Promise<void> {
  const { input, signal, report } = context
  const { ids } = needed(context.prompt)
  const events = needed(context.model).generate({ promptIds: ids, sampling: input.sampling, logprobs: null, signal })
  for await (const event of events) {
    if (event.kind === 'prefill') {
      report({ kind: 'progress', stage: 'prefill', done: event.done, total: event.total })
      continue
    }
    context.text += event.text
    if (event.text !== '') report({ kind: 'delta', text: event.text })
    if (event.kind !== 'finished') continue
    const { ttftMs, prefillTokensPerSecond, decodeTokensPerSecond } = event
    context.usage = event.usage
    context.timings = { loadMs: context.elapsedMs.load ?? 0, ttftMs, prefillTokensPerSecond, decodeTokensPerSecond }
  }
  throwIfCancelled(signal)
}

async function cite(services: AskServices, context: AskContext): Promise<void> {
  const { passages } = needed(context.prompt)
  const compare = context.languageKnown ? compareBy(services, context) : null
  const cited = await citeAnswer(context.text, passages, compare)
  if (cited.citations.length === 0) await quoteClosest(context, cited, passages, compare)
  Object.assign(context, cited)
}

/** An answer that rests on nothing is followed by what the documents say themselves. */
async function quoteClosest(
  context: AskContext,
  cited: { text: string; citations: Citation[] },
  passages: readonly Passage[],
  compare: Compare | null,
): Promise<void> {
  const found = await closestSentence(context.question, passages, compare)
  if (!found) return
  const added = `${cited.text === '' ? '' : '\n\n'}${closest[languageOf(context.question)](found.quote)} [${found.marker}]`
  context.report({ kind: 'delta', text: added })
  cited.text += added
  const { documentId, chunkId, path, title, place } = passages[found.marker - 1].hit
  cited.citations = [{ marker: found.marker, documentId, chunkId, path, title, place }]
}

function compareBy({ store, embeddings }: AskServices, { input, signal }: AskContext): Compare {
  return async (statements, texts) => {
    const { settings } = store.collections.get(input.collectionIds[0])
    const held = await embeddings.ensureEmbedder(settings.embeddingModel, signal)
    try {
      const vectors = (await held.embedder.embed([...statements, ...texts], { kind: 'plain', signal })).map(unit)
      const columns = vectors.slice(statements.length)
      return vectors.slice(0, statements.length).map((row) => columns.map((column) => dot(row, column)))
    } finally {
      held.release()
    }
  }
}

async function keep({ cache }: AskServices, context: AskContext): Promise<void> {
  const { cacheContext, input, question, vector, text, citations, unsupported } = context
  if (!cacheContext) return
  const { passages, leftOut } = needed(context.prompt)
  const answer: KeptAnswer = { hits: passages.map(({ hit }) => hit), leftOut, text, citations, unsupported }
  const elapsedMs = performance.now() - context.startedAt
  cache.noteMiss()
  cache.save(cacheContext, { asked: askedOf(input), question, vector, answer, elapsedMs })
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector))
  return length > 0 ? vector.map((v) => v / length) : vector
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

function needed<T>(value: T | null): T {
  if (value === null) throw new MoruError('internal', 'A stage of the question ran before the one it builds on.')
  return value
}
