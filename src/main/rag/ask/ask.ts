/** ask.run: one question to collections, answered with sources. */
import { namedModel, reported } from '../../text'
import { type AskContext, type AskEvent, type AskInput, type AskServices } from './ask-context'
import { loadAttributes, modelAttributes, samplingAttributes } from '../../trace'
import { askStages, runAskStages } from './ask-stages'

/** @throws not_found, and what searching and generating throw. */
export function ask(
  services: AskServices,
  input: AskInput,
  defaultModel: string | null,
  signal: AbortSignal,
): AsyncGenerator<AskEvent> {
  const modelId = namedModel(input.model, defaultModel)
  const attributes = {
    ...modelAttributes(modelId),
    ...samplingAttributes(input.sampling),
    ...loadAttributes(input.load),
    'gen_ai.data_source.id': input.collectionIds.join(','),
    'moru.rerank': input.rerank,
    ...(input.replayOf !== null && { 'moru.replay_of': input.replayOf }),
  }
  const asked = () => [...input.history, { role: 'user' as const, content: input.question }]
  return reported<AskEvent>((report) =>
    services.tracer.run('ask', { attributes, input: asked }, async (span) => {
      const context = newContext(input, modelId, report, signal)
      try {
        await runAskStages(askStages(services), context)
      } finally {
        span?.call.root.set({ 'moru.cache': context.finished?.cache.kind ?? (context.cacheContext ? 'miss' : 'off') })
        span?.output([{ role: 'assistant', content: context.text }])
      }
    }),
  )
}

function newContext(
  input: AskInput,
  modelId: string,
  report: (event: AskEvent) => void,
  signal: AbortSignal,
): AskContext {
  return {
    input,
    modelId,
    signal,
    report,
    startedAt: performance.now(),
    elapsedMs: {},
    cacheContext: null,
    question: input.question.normalize('NFC').trim(),
    background: null,
    vector: null,
    model: null,
    hits: [],
    prompt: null,
    text: '',
    citations: [],
    unsupported: [],
    usage: null,
    timings: null,
    finished: null,
  }
}
