/** Asking again what a trace asked, with other parameters. */
import { sampling, type Sampling } from '../../../shared/contract/sampling'
import { type TraceDetail } from '../../../shared/contract/traces'
import type { Api } from '../../api'

const names: [attribute: string, key: keyof Sampling][] = [
  ['gen_ai.request.temperature', 'temperature'],
  ['gen_ai.request.top_k', 'topK'],
  ['gen_ai.request.top_p', 'topP'],
  ['moru.request.min_p', 'minP'],
  ['moru.request.typical_p', 'typicalP'],
  ['moru.request.repetition_penalty', 'repetitionPenalty'],
  ['gen_ai.request.presence_penalty', 'presencePenalty'],
  ['gen_ai.request.frequency_penalty', 'frequencyPenalty'],
  ['gen_ai.request.max_tokens', 'maxTokens'],
  ['gen_ai.request.seed', 'seed'],
  ['gen_ai.request.stop_sequences', 'stop'],
]
const rootOf = (trace: TraceDetail) => trace.spans.find(({ parentId }) => parentId === null)?.attributes ?? {}

/** What the call was asked with. */
export function samplingOf(trace: TraceDetail): Sampling {
  const root = rootOf(trace)
  const given = names.flatMap(([name, key]) => (root[name] === undefined ? [] : [[key, root[name]]]))
  return sampling.parse(Object.fromEntries(given))
}

const said = ({ input }: TraceDetail) =>
  (input ?? []).flatMap(({ role, content }) =>
    role === 'system' || role === 'user' || role === 'assistant' ? [{ role, content }] : [],
  )

/** Runs the call again; tells how far it is in words of its own text. */
export async function replay(
  api: Api,
  trace: TraceDetail,
  change: { model: string | null; sampling: Sampling },
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { model } = change
  const common = { model, sampling: change.sampling, replayOf: trace.id }
  if (trace.kind === 'ask') {
    const messages = said(trace)
    const asked = {
      ...common,
      collectionIds: String(rootOf(trace)['gen_ai.data_source.id']).split(','),
      question: messages.at(-1)?.content ?? '',
      history: messages.slice(0, -1).flatMap(({ role, content }) => (role === 'system' ? [] : [{ role, content }])),
      useCache: false,
    }
    for await (const event of api.ask.run(asked, { signal })) if (event.kind === 'delta') onText(event.text)
    return
  }
  const source =
    trace.kind === 'chat'
      ? { kind: 'chat' as const, messages: said(trace) }
      : { kind: 'text' as const, text: trace.input?.[0]?.content ?? '' }
  for await (const event of api.text.generate({ ...common, source }, { signal }))
    if (event.kind === 'token') onText(event.text)
}
