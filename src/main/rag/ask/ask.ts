/** ask.run: one question to collections, answered with sources. */
import { MoruError } from '../../../shared/errors'
import { reported } from '../../text'
import { type AskContext, type AskEvent, type AskInput, type AskServices } from './ask-context'
import { askStages, runAskStages } from './ask-stages'

/** @throws not_found, and what searching and generating throw. */
export function ask(
  services: AskServices,
  input: AskInput,
  defaultModel: string | null,
  signal: AbortSignal,
): AsyncGenerator<AskEvent> {
  const modelId = input.model ?? defaultModel
  if (modelId === null)
    throw new MoruError(
      'model_not_loaded',
      'No model was named and there is no default: name one, or import one first.',
    )
  return reported<AskEvent>((report) => runAskStages(askStages(services), newContext(input, modelId, report, signal)))
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
