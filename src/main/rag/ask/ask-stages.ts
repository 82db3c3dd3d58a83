/** What a question goes through, by name and in order. A later stage (a guard, a trace) is one more entry. */
import { type EventOf, type ParsedInputOf } from '../../../shared/contract'
import { type askRun, type Citation, type Hit } from '../../../shared/contract/knowledge'
import { type Timings, type Usage } from '../../../shared/contract/sampling'
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { type AnswerCache, type AnswerContext, type CacheHit, type QuestionVector } from '../../cache'
import { type Store } from '../../store'
import { type TextEngine, type TextModel } from '../../text'
import { languageOf } from '../documents'
import { type EmbeddingSource, type HeldEmbedder } from '../embedding'
import { type Search } from '../search-port'
import { citeAnswer, closestSentence, type Compare } from './citations'
import { aboveBackground, backgroundCosine, dot, knownLanguages, unit } from './known-languages'
import { composeAskPrompt, type AskPrompt, type Passage, promptVersion, styleFor } from './passages'
import { relevantHits } from './relevance'
import { repetition } from './repetition'
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
  { name: 'prompt', run: (context) => preparePrompt(services, context) },
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
    model: { files: (await services.describeModel(context.modelId)).identity, load: input.load },
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

async function retrieve(services: AskServices, context: AskContext): Promise<void> {
  const { store, search } = services
  const { collectionIds, rerank } = context.input
  const query = { collectionIds, query: context.question.slice(0, 10_000), k: retrieved, rerank }
  const found = await search.run({ ...defaultSearch, ...query }, context.signal)
  context.hits = found.hits
  const language = languageOf(context.question)
  if (!knownLanguages(store, collectionIds).has(language)) return
  await withEmbedder(services, context, async (held) => {
    context.background = await backgroundCosine(held, language, context.signal)
  })
}

const defaultSearch = { mode: 'hybrid', mmrLambda: null, neighbours: 0, filter: {} } as const

async function judge(context: AskContext): Promise<void> {
  const hits = relevantHits(context.question, context.hits, context.background)
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

async function recallSimilar(services: AskServices, context: AskContext): Promise<void> {
  const { cache } = services
  if (!context.cacheContext || context.background === null) return
  context.vector = await withEmbedder(services, context, async ({ key, embedder }) => {
    const [values] = await embedder.embed([context.question], { kind: 'query', signal: context.signal })
    return { key, values: unit(values) }
  })
  // The same best passage: what embeddings of questions do not tell apart, the documents often do.
  const best = context.hits[0].chunkId
  const accept = (answer: unknown) => (answer as KeptAnswer).hits[0]?.chunkId === best
  const hit = cache.findSimilar(context.cacheContext, context.question, context.vector, {
    spread: 1 - context.background,
    accept,
  })
  if (hit) answerFromCache(context, hit)
}

async function load({ engine }: AskServices, context: AskContext): Promise<void> {
  if (context.model) return
  const report = (done: number, total: number) => context.report({ kind: 'progress', stage: 'loading', done, total })
  context.model = await engine.ensureLoaded(context.modelId, context.input.load, report, context.signal)
}

async function preparePrompt(services: AskServices, context: AskContext): Promise<void> {
  const style = styleFor((await services.describeModel(context.modelId)).parameters)
  const { hits, question, input } = context
  const prompt = composeAskPrompt(needed(context.model), question, hits, input.sampling.maxTokens, style)
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
  const enough = new AbortController()
  const either = AbortSignal.any([signal, enough.signal])
  const request = { promptIds: ids, sampling: input.sampling, logprobs: null, signal: either }
  const events = needed(context.model).generate(request)
  for await (const event of events) {
    if (event.kind === 'prefill') {
      report({ kind: 'progress', stage: 'prefill', done: event.done, total: event.total })
      continue
    }
    context.text += event.text
    if (event.text !== '') report({ kind: 'delta', text: event.text })
    if (/[.!?。\n]/.test(event.text) && repetition(context.text) !== null) enough.abort()
    if (event.kind !== 'finished') continue
    const { ttftMs, prefillTokensPerSecond, decodeTokensPerSecond } = event
    context.usage = event.usage
    context.timings = { loadMs: context.elapsedMs.load ?? 0, ttftMs, prefillTokensPerSecond, decodeTokensPerSecond }
  }
  throwIfCancelled(signal)
  const repeats = repetition(context.text)
  if (repeats !== null) context.text = context.text.slice(0, repeats)
}

async function cite(services: AskServices, context: AskContext): Promise<void> {
  const { passages, style } = needed(context.prompt)
  const compare = context.background === null ? null : compareBy(services, context, context.background)
  const cited = await citeAnswer(context.text, passages, compare)
  // Where the answer rests on nothing, or comes from a model too small to be trusted with it, the documents have a word.
  const doubtful = style === 'plain' || cited.citations.length === 0 || cited.unsupported.length > 0
  if (doubtful) await quoteClosest(context, cited, passages, compare)
  Object.assign(context, cited)
}

/** Adds the sentence of the documents that says most about the question. */
async function quoteClosest(
  context: AskContext,
  cited: { text: string; citations: Citation[] },
  passages: readonly Passage[],
  compare: Compare | null,
): Promise<void> {
  const found = await closestSentence(context.question, passages, compare)
  if (!found || plainText(cited.text).includes(plainText(found.quote))) return
  const added = `${cited.text === '' ? '' : '\n\n'}${closest[languageOf(context.question)](found.quote)} [${found.marker}]`
  context.report({ kind: 'delta', text: added })
  cited.text += added
  const { documentId, chunkId, path, title, place } = passages[found.marker - 1].hit
  if (!cited.citations.some(({ marker }) => marker === found.marker))
    cited.citations.push({ marker: found.marker, documentId, chunkId, path, title, place })
}

/** Without markers, blanks and full stops. */
const plainText = (text: string) => text.replace(/\[\d+\]|[\s.]+/g, '').toLowerCase()

function compareBy(services: AskServices, context: AskContext, background: number): Compare {
  return async (statements, texts) => {
    const all = [...statements, ...texts]
    const vectors = await withEmbedder(services, context, ({ embedder }) =>
      embedder.embed(all, { kind: 'plain', signal: context.signal }),
    )
    const [rows, columns] = [vectors.slice(0, statements.length).map(unit), vectors.slice(statements.length).map(unit)]
    return rows.map((row) => columns.map((column) => aboveBackground(dot(row, column), background)))
  }
}

/** Works with the embedding model of the first collection. */
async function withEmbedder<T>(
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

async function keep({ cache }: AskServices, context: AskContext): Promise<void> {
  const { cacheContext, input, question, vector, text, citations, unsupported } = context
  if (!cacheContext) return
  const { passages, leftOut } = needed(context.prompt)
  const answer: KeptAnswer = { hits: passages.map(({ hit }) => hit), leftOut, text, citations, unsupported }
  const elapsedMs = performance.now() - context.startedAt
  cache.noteMiss()
  cache.save(cacheContext, { asked: askedOf(input), question, vector, answer, elapsedMs })
}

function needed<T>(value: T | null): T {
  if (value === null) throw new MoruError('internal', 'A stage of the question ran before the one it builds on.')
  return value
}
