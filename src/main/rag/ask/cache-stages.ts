/** The stages that ask the answer cache, and give to it. */
import { type Citation, type Hit } from '../../../shared/contract/knowledge'
import { type CacheHit } from '../../cache'
import { type Attributes, currentSpan } from '../../trace'
import {
  type AskContext,
  type AskInput,
  type AskServices,
  type Finished,
  finished,
  needed,
  withEmbedder,
} from './ask-context'
import { unit } from './known-languages'
import { promptVersion } from './passages'
import { dependsOnHistory } from './rewrite'

/** What is kept with a cached answer. */
interface KeptAnswer {
  hits: Hit[]
  leftOut: number
  text: string
  citations: Citation[]
  unsupported: Finished['unsupported']
}

/** The conversation counts where the question points back to it: nothing else of it is in the prompt. */
const askedOf = ({ question, history }: AskInput) => ({
  question,
  history: dependsOnHistory(question, history) ? history : [],
})

const lookUp = (hit: CacheHit | null): Attributes => ({
  'moru.cache': hit?.kind ?? 'miss',
  ...(hit && { 'moru.cache.question': hit.question, 'moru.cache.saved_ms': hit.savedMs }),
  ...(hit?.distance != null && { 'moru.cache.distance': hit.distance }),
})

/** The answer to this very question, before anything is searched or loaded. */
export async function recallExact(services: AskServices, context: AskContext): Promise<void> {
  const { input } = context
  if (!input.useCache || (input.sampling.temperature > 0 && !input.cacheSampled)) return
  const collections = input.collectionIds.map((id) => services.store.collections.searchState(id))
  context.cacheContext = {
    model: { files: (await services.describeModel(context.modelId)).identity, load: input.load },
    sampling: input.sampling,
    template: promptVersion,
    collections: collections.map(({ id, version }) => ({ id, version })),
    rest: { rerank: input.rerank, system: input.system, settings: collections.map(({ settings }) => settings) },
  }
  if (input.refresh) return
  const hit = services.cache.findExact(context.cacheContext, askedOf(input))
  currentSpan()?.set(lookUp(hit))
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

/** The answer to a question that means the same. */
export async function recallSimilar(services: AskServices, context: AskContext): Promise<void> {
  const { cache } = services
  if (!context.cacheContext || context.background === null) return
  context.vector = await withEmbedder(services, context, async ({ key, embedder }) => {
    const [values] = await embedder.embed([context.question], { kind: 'query', signal: context.signal })
    return { key, values: unit(values) }
  })
  if (context.input.refresh) return
  // The same best passage: what embeddings of questions do not tell apart, the documents often do.
  const best = context.hits[0].chunkId
  const accept = (answer: unknown) => (answer as KeptAnswer).hits[0]?.chunkId === best
  const hit = cache.findSimilar(context.cacheContext, context.question, context.vector, {
    spread: 1 - context.background,
    accept,
  })
  currentSpan()?.set(lookUp(hit))
  if (hit) answerFromCache(context, hit)
}

/** Keeps an answer that had to be made. */
export async function keep({ cache }: AskServices, context: AskContext): Promise<void> {
  const { cacheContext, input, question, vector, text, citations, unsupported } = context
  if (!cacheContext) return
  const { passages, leftOut } = needed(context.prompt)
  const answer: KeptAnswer = { hits: passages.map(({ hit }) => hit), leftOut, text, citations, unsupported }
  const elapsedMs = performance.now() - context.startedAt
  if (!input.refresh) cache.noteMiss()
  cache.save(cacheContext, { asked: askedOf(input), question, vector, answer, elapsedMs })
}
