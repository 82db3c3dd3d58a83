/** Asking again what a trace asked, with other parameters. */
import { embedKind, type SearchInput, searchInput } from '../../../shared/contract/knowledge'
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

const textsOf = ({ input }: TraceDetail) => (input ?? []).map(({ content }) => content)

/** Whether the call can be done again: its input is there, and all of it. */
export function isReplayable(trace: TraceDetail): boolean {
  if (trace.input === null || trace.input.length === 0 || trace.state === 'running') return false
  if (trace.kind === 'embed') return rootOf(trace)['moru.embed.texts'] === trace.input.length
  return ['chat', 'generate', 'ask', 'search'].includes(trace.kind)
}

/** What a search was asked with. */
export function searchOf(trace: TraceDetail): SearchInput {
  const root = rootOf(trace)
  return searchInput.parse({
    query: textsOf(trace)[0],
    collectionIds: String(root['gen_ai.data_source.id']).split(','),
    k: root['gen_ai.request.top_k'],
    mode: root['moru.search.mode'],
    rerank: root['moru.rerank'],
    mmrLambda: root['moru.search.mmr_lambda'],
    denseWeight: root['moru.search.dense_weight'],
    neighbours: root['moru.search.neighbours'],
    filter: root['moru.search.filter'],
  })
}

export type EmbedKind = (typeof embedKind)['options'][number]
/** What an embedding was asked as. */
export const embedKindOf = (trace: TraceDetail): EmbedKind => embedKind.catch('plain').parse(rootOf(trace)['moru.embed.kind']) // prettier-ignore

/** All parameters that a replay may change; each kind of call has its own. */
export interface ReplayChange {
  model: string | null
  sampling: Sampling
  search: Pick<SearchInput, 'mode' | 'k' | 'rerank'>
  embedKind: EmbedKind
}

const said = ({ input }: TraceDetail) =>
  (input ?? []).flatMap(({ role, content }) =>
    role === 'system' || role === 'user' || role === 'assistant' ? [{ role, content }] : [],
  )

/** Runs the call again; tells how far it is in words of its own text. */
export async function replay(
  api: Api,
  trace: TraceDetail,
  change: ReplayChange,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { model } = change
  if (trace.kind === 'search') {
    const { hits } = await api.search.run({ ...searchOf(trace), ...change.search, replayOf: trace.id }, { signal })
    onText(hits.map(({ path }, i) => `${i + 1}. ${path}`).join('\n'))
    return
  }
  if (trace.kind === 'embed') {
    const asked = { model, texts: textsOf(trace), kind: change.embedKind, replayOf: trace.id }
    const { dim, elapsedMs } = await api.embed.texts(asked, { signal })
    onText(`${asked.texts.length} × ${dim}, ${Math.round(elapsedMs)} ms`)
    return
  }
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
