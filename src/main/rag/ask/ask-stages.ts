/** What a question goes through, by name and in order. A later stage (a guard, a trace) is one more entry. */
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { currentSpan, step, tracedGeneration } from '../../trace'
import { languageOf } from '../documents'
import { type AskContext, type AskServices, type AskStage, finished, needed, withEmbedder } from './ask-context'
import { keep, recallExact, recallSimilar } from './cache-stages'
import { cite } from './cite-stage'
import { backgroundCosine, knownLanguages } from './known-languages'
import { composeAskPrompt, styleFor } from './passages'
import { relevantHits } from './relevance'
import { repetition } from './repetition'
import { dependsOnHistory, joined, rewriteQuestion } from './rewrite'

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
      await step(stage.name, {}, () => stage.run(context))
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

async function rewrite(services: AskServices, context: AskContext): Promise<void> {
  const { question, history } = context.input
  if (!dependsOnHistory(question, history)) return
  await load(services, context)
  const rewritten = context.model
    ? await rewriteQuestion(context.model, question, history, context.signal)
    : { question: joined(question, history) }
  context.question = rewritten.question
  currentSpan()?.set({ 'moru.question': rewritten.question })
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

const defaultSearch = { mode: 'hybrid', mmrLambda: null, denseWeight: null, neighbours: 0, filter: {} } as const

async function judge(context: AskContext): Promise<void> {
  const hits = relevantHits(context.question, context.hits, context.background)
  context.hits = hits.slice(0, mostPassages)
  currentSpan()?.set({ 'moru.hits.kept': context.hits.length })
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
async function load({ engine }: AskServices, context: AskContext): Promise<void> {
  if (context.model) return
  const report = (done: number, total: number) => context.report({ kind: 'progress', stage: 'loading', done, total })
  context.model = await engine.ensureLoaded(context.modelId, context.input.load, report, context.signal)
}

async function preparePrompt(services: AskServices, context: AskContext): Promise<void> {
  const style = styleFor((await services.describeModel(context.modelId)).parameters)
  const { hits, question, input } = context
  const prompt = composeAskPrompt(
    needed(context.model),
    { question, system: input.system },
    hits,
    input.sampling.maxTokens,
    style,
  )
  if (prompt.passages.length === 0)
    throw new MoruError(
      'context_full',
      'Not even one passage has room beside the question. Shorten the question, or load the model with a longer context.',
    )
  context.prompt = prompt
  currentSpan()?.set({
    'moru.prompt.tokens': prompt.ids.length,
    'moru.prompt.passages': prompt.passages.map(({ hit }) => hit.chunkId),
    'moru.prompt.left_out': prompt.leftOut,
  })
  const shown = prompt.passages.map(({ hit }) => hit)
  context.report({ kind: 'retrieved', question, hits: shown, leftOut: prompt.leftOut })
}

async function generate(context: AskContext): Promise<void> {
  const { input, signal, report } = context
  const { ids } = needed(context.prompt)
  const enough = new AbortController()
  const either = AbortSignal.any([signal, enough.signal])
  const request = { promptIds: ids, sampling: input.sampling, logprobs: null, signal: either }
  const events = tracedGeneration(needed(context.model).generate(request))
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
