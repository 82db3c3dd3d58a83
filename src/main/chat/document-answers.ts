/** What chat needs of whoever answers from documents: retrieval, the model and the answer cache in one. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { type MessageSources } from '../../shared/contract/chat'
import { type askRun } from '../../shared/contract/knowledge'
import { MoruError } from '../../shared/errors'
import { type Store } from '../store'
import { type TurnContext } from './turn-stages'

export type AskInput = ParsedInputOf<typeof askRun>
export type AskEvent = EventOf<typeof askRun>
export type DocumentAnswers = (input: AskInput, signal: AbortSignal) => AsyncIterable<AskEvent>

/** Hits that a collection's cross-encoder orders anew. */
const reranked = 20

/** Answers the turn's question from the conversation's collections instead of from the model alone. */
export async function answerFromDocuments(
  store: Pick<Store, 'collections'>,
  answers: DocumentAnswers,
  context: TurnContext,
): Promise<void> {
  const { turn } = context
  turn.progress({ stage: 'searching', done: 0, total: 0 })
  for await (const event of answers(inputOf(store, context), turn.signal)) {
    if (event.kind === 'retrieved') turn.setSources(begun(event))
    else if (event.kind === 'progress') turn.progress(event)
    else if (event.kind === 'delta') turn.add([{ kind: 'text', text: event.text }], null)
    else finish(context, event)
  }
}

function inputOf({ collections }: Pick<Store, 'collections'>, context: TurnContext): AskInput {
  const { settings } = context.conversation
  const there = new Map(collections.list().map((collection) => [collection.id, collection]))
  const chosen = settings.collectionIds.flatMap((id) => there.get(id) ?? [])
  if (chosen.length === 0)
    throw new MoruError(
      'not_found',
      'The collections that this conversation asks were deleted. Choose others beside the conversation, or none.',
    )
  const history = context.path.slice(0, -1).filter(({ text }) => text !== '')
  return {
    collectionIds: chosen.map(({ id }) => id),
    question: (context.path.at(-1)?.text ?? '').slice(0, 10_000),
    history: history.slice(-100).map(({ role, text }) => ({ role, content: text.slice(0, 200_000) })),
    model: context.modelId,
    load: context.load,
    system: settings.systemPrompt,
    sampling: settings.sampling,
    useCache: settings.answerCache !== 'off',
    cacheSampled: settings.answerCache === 'all',
    refresh: context.again,
    replayOf: null,
    rerank: chosen.some((collection) => collection.settings.rerankModel !== null) ? reranked : 0,
  }
}

/** What is known before the answer is: nothing of it is cited or doubted yet. */
function begun({ question, hits, leftOut }: Extract<AskEvent, { kind: 'retrieved' }>): MessageSources {
  const cache = { kind: 'off' as const, question: null, distance: null, savedMs: null }
  const later = { answered: true, citations: [], unsupported: [], cache, retrieveMs: 0, totalMs: 0 }
  return { question, passages: hits, leftOut, ...later }
}

function finish({ turn }: TurnContext, event: Extract<AskEvent, { kind: 'finished' }>): void {
  const { text, answered, citations, unsupported, cache, usage, timings } = event
  const { retrieveMs, totalMs } = timings
  if (turn.sources) turn.setSources({ ...turn.sources, answered, citations, unsupported, cache, retrieveMs, totalMs })
  turn.rewritten = text
  turn.outcome = { finishReason: 'stop', usage, timings: timings.generate }
}
