/**
 * Spans as OTLP's JSON: protobuf's mapping with identifiers in hexadecimal, 64-bit integers as texts, lowerCamelCase names and
 * enumerations as numbers (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
 */
import { version } from '../../../package.json'
import { type ExportedSpan } from '../store'
import { type TraceMessage } from '../../shared/contract/traces'

/** opentelemetry.proto.common.v1.AnyValue */
export type AnyValue =
  | { stringValue: string }
  | { boolValue: boolean }
  | { intValue: string }
  | { doubleValue: number }
  | { arrayValue: { values: AnyValue[] } }
  | { kvlistValue: { values: KeyValue[] } }
  | Record<string, never>
export interface KeyValue {
  key: string
  value: AnyValue
}

const internalKind = 1
const status = { unset: 0, ok: 1, error: 2 }

export function anyValue(value: unknown): AnyValue {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } }
  if (typeof value === 'object' && value !== null) return { kvlistValue: { values: keyValues(value) } }
  return {}
}

const keyValues = (record: object): KeyValue[] =>
  Object.entries(record)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => ({ key, value: anyValue(value) }))

/** Nanoseconds of the epoch: more than a double holds, so by way of whole microseconds. */
const nanoseconds = (ms: number): string => String(BigInt(Math.round(ms * 1000)) * 1000n)

/** Messages as gen_ai.input.messages and gen_ai.output.messages have them. */
const genAiMessages = (messages: TraceMessage[]): string =>
  JSON.stringify(
    messages.map(({ role, content }) => ({
      role: role === 'reasoning' ? 'assistant' : role === 'document' ? 'tool' : role,
      parts: [{ type: role === 'reasoning' ? 'reasoning' : 'text', content }],
    })),
  )

function spanJson(span: ExportedSpan, contents: boolean) {
  const model = span.attributes['gen_ai.request.model']
  const root = span.parentId === null
  const attributes = {
    ...span.attributes,
    ...(contents && span.input && { 'gen_ai.input.messages': genAiMessages(span.input) }),
    ...(contents && span.output && { 'gen_ai.output.messages': genAiMessages(span.output) }),
  }
  return {
    traceId: span.traceId,
    spanId: span.id,
    ...(span.parentId !== null && { parentSpanId: span.parentId }),
    flags: 1,
    // Conventions: '{operation} {model}'.
    name: root && typeof model === 'string' ? `${span.name} ${model}` : span.name,
    kind: internalKind,
    startTimeUnixNano: nanoseconds(span.startedAt),
    endTimeUnixNano: nanoseconds(span.startedAt + span.durationMs),
    attributes: keyValues(attributes),
    status:
      span.state === 'error' || span.state === 'interrupted'
        ? { code: status.error, message: span.error ?? span.state }
        : { code: status.unset },
  }
}

/** opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest. `contents`: whether texts go too. */
export function exportRequest(spans: readonly ExportedSpan[], contents: boolean) {
  const resource = {
    attributes: keyValues({
      'service.name': 'moru',
      'service.version': version,
      'telemetry.sdk.language': 'nodejs',
      'telemetry.sdk.name': 'moru',
      'telemetry.sdk.version': version,
    }),
  }
  const scope = { name: 'moru', version }
  return {
    resourceSpans: [{ resource, scopeSpans: [{ scope, spans: spans.map((span) => spanJson(span, contents)) }] }],
  }
}
