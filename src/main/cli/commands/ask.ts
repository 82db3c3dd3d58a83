/** moru ask. */
import { type EventOf, type InputOf } from '../../../shared/contract'
import { askRun } from '../../../shared/contract/knowledge'
import { MoruError } from '../../../shared/errors'
import { collectionOf } from '../collection-option'
import { checked, type Command, type Context, expectPositionals } from '../command'
import { modelOption } from '../model-option'
import { fieldOptions, loadOf, samplingOf, samplingOptions, samplingUsage } from '../sampling-options'

type Event = EventOf<typeof askRun>
type Finished = Extract<Event, { kind: 'finished' }>

const reranked = 50
/** Answers with sources are short; the model's usual length is for conversations. */
const usualTokens = 512

export const ask: Command = {
  name: 'ask',
  usage: `QUESTION --collection NAME [--rerank] [--no-cache] ${samplingUsage}`,
  summary: 'Answers a question from a collection, with sources; greedy unless a temperature is given',
  options: {
    ...samplingOptions,
    collection: { type: 'string' },
    rerank: { type: 'boolean' },
    'no-cache': { type: 'boolean' },
  },
  texts: 1,
  run: async (values, positionals, context) => {
    const [question] = expectPositionals(positionals, 'QUESTION')
    const given = samplingOf(values)
    const request: InputOf<typeof askRun> = {
      collectionIds: ['-'],
      question,
      model: values.filled('model') ?? null,
      load: loadOf(values),
      sampling: { temperature: 0, maxTokens: usualTokens, ...given },
      useCache: !values.flag('no-cache'),
      rerank: values.flag('rerank') ? reranked : 0,
    }
    checked(askRun, request, { ...fieldOptions, question: 'QUESTION' })
    const { id } = await collectionOf(values, context)
    const input = { ...request, collectionIds: [id], model: await modelOption(values, context) }
    for await (const event of (await context.client()).stream(askRun, input, { signal: context.signal }))
      if (event.kind === 'finished') return finish(event, context)
      else report(event, context)
    throw new MoruError('internal', 'the answer ended without its end.')
  },
}

function report(event: Event, context: Context): void {
  if (event.kind === 'progress' && event.stage === 'loading')
    context.progress(`loading ${Math.round((100 * event.done) / Math.max(1, event.total))} %`)
  if (event.kind === 'progress' && event.stage === 'prefill')
    context.progress(`reading the passages: ${event.done} of ${event.total} tokens`)
}

/** The answer is printed whole: its markers are only there at its end. */
function finish({ text, answered, citations, unsupported, cache, timings }: Finished, context: Context): unknown {
  if (!context.json) {
    context.print(`${text}\n`)
    for (const { marker, path, place } of citations)
      context.print(`[${marker}] ${path}${place.page === null ? '' : `, page ${place.page}`}\n`)
    if (unsupported.length > 0) context.note(`${unsupported.length} of its sentences are not supported by any passage`)
    if (cache.kind === 'exact' || cache.kind === 'similar')
      context.note(`from the answer cache (${cache.kind}); --no-cache asks again`)
  }
  const cited = citations.map(({ marker, documentId, chunkId, path }) => ({ marker, documentId, chunkId, path }))
  return { text, answered, citations: cited, unsupported, cache, timings }
}
