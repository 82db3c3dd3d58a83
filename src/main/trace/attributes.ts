/**
 * Names of attributes: OpenTelemetry's semantic conventions for generative AI where they have one
 * (https://opentelemetry.io/docs/specs/semconv/gen-ai/), moru.* else.
 */
import { type LoadSettings, type Sampling, type Usage } from '../../shared/contract/sampling'
import { type TraceKind } from '../../shared/contract/traces'
import { type TraceRecord } from '../store'
import { type Attributes, type Call } from './span'

const operations: Record<TraceKind, string> = {
  chat: 'chat',
  generate: 'text_completion',
  embed: 'embeddings',
  search: 'retrieval',
  ask: 'invoke_workflow',
  perplexity: 'perplexity',
  index: 'index',
  evaluate: 'evaluate',
  quantize: 'quantize',
  compare: 'compare',
}

/** What every call's root says. */
export const rootAttributes = (kind: TraceKind): Attributes => ({
  'gen_ai.operation.name': operations[kind],
  'gen_ai.provider.name': 'moru',
  'moru.kind': kind,
})

export const modelAttributes = (model: string | null): Attributes => (model ? { 'gen_ai.request.model': model } : {})

export function samplingAttributes(sampling: Sampling): Attributes {
  const { temperature, topK, topP, minP, typicalP, repetitionPenalty, presencePenalty, frequencyPenalty } = sampling
  const { seed, maxTokens, stop } = sampling
  return {
    'gen_ai.request.temperature': temperature,
    'gen_ai.request.top_k': topK,
    'gen_ai.request.top_p': topP,
    'gen_ai.request.max_tokens': maxTokens,
    'gen_ai.request.presence_penalty': presencePenalty,
    'gen_ai.request.frequency_penalty': frequencyPenalty,
    ...(seed !== null && { 'gen_ai.request.seed': seed }),
    ...(stop.length > 0 && { 'gen_ai.request.stop_sequences': stop }),
    'moru.request.min_p': minP,
    'moru.request.typical_p': typicalP,
    'moru.request.repetition_penalty': repetitionPenalty,
  }
}

/** How a model was loaded: the recipe besides its files. */
export const loadAttributes = ({ contextLength, computeType, kvType, fused }: LoadSettings): Attributes => ({
  ...(contextLength !== null && { 'moru.load.context_length': contextLength }),
  'moru.load.compute_type': computeType,
  'moru.load.kv_type': kvType,
  ...(fused === false && { 'moru.load.fused': false }),
})

export const usageAttributes = ({ promptTokens, cachedTokens, completionTokens }: Usage): Attributes => ({
  'gen_ai.usage.input_tokens': promptTokens,
  'gen_ai.usage.cache_read.input_tokens': cachedTokens,
  'gen_ai.usage.output_tokens': completionTokens,
})

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null)

/** What lists show of a call, read from its root's attributes. */
export function recordOf(
  { id, kind, state, root }: Call,
  ended: { durationMs: number; error: string | null } | null,
): TraceRecord {
  const { attributes } = root
  const reasons = attributes['gen_ai.response.finish_reasons']
  return {
    id,
    kind,
    model: text(attributes['gen_ai.request.model']),
    startedAt: root.startedAt,
    durationMs: ended?.durationMs ?? null,
    ttftMs: number(attributes['moru.ttft_ms']),
    state,
    error: ended?.error ?? null,
    finishReason: Array.isArray(reasons) ? text(reasons[0]) : null,
    inputTokens: number(attributes['gen_ai.usage.input_tokens']),
    outputTokens: number(attributes['gen_ai.usage.output_tokens']),
    cache: text(attributes['moru.cache']) as TraceRecord['cache'],
    conversationId: text(attributes['gen_ai.conversation.id']),
    messageId: text(attributes['moru.message.id']),
    replayOf: text(attributes['moru.replay_of']),
    preview: '',
  }
}
