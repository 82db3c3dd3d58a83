/** Traces: what each call did, step by step, with its input and output. */
import { z } from 'zod'
import { id } from './chat'
import { defineRoute, defineStream } from './core'

/** What was called. A call inside another (a search for an answer) is a span of that one's trace. */
export const traceKind = z.enum([
  'chat',
  'generate',
  'embed',
  'search',
  'ask',
  'perplexity',
  'index',
  'evaluate',
  'quantize',
  'compare',
])
export type TraceKind = z.infer<typeof traceKind>

/** interrupted: the host died while it ran. */
export const traceState = z.enum(['running', 'ok', 'error', 'cancelled', 'interrupted'])
export type TraceState = z.infer<typeof traceState>

export const traceSummary = z.object({
  /** Grows with every trace: what lists are ordered and paged by. */
  seq: z.number().int(),
  /** 32 hexadecimal digits, as W3C Trace Context has it. */
  id,
  kind: traceKind,
  model: z.string().nullable(),
  startedAt: z.number(),
  durationMs: z.number().nullable(),
  ttftMs: z.number().nullable(),
  state: traceState,
  error: z.string().nullable(),
  finishReason: z.string().nullable(),
  inputTokens: z.number().int().nullable(),
  outputTokens: z.number().int().nullable(),
  /** What the answer cache did; null: it was not asked. */
  cache: z.enum(['off', 'miss', 'exact', 'similar']).nullable(),
  conversationId: id.nullable(),
  messageId: id.nullable(),
  /** The trace that this one was made from with other parameters. */
  replayOf: id.nullable(),
  rating: z.union([z.literal(1), z.literal(-1)]).nullable(),
  comment: z.string().nullable(),
  /** The beginning of the input, in one line. */
  preview: z.string(),
  sizeBytes: z.number().int(),
})
export type TraceSummary = z.infer<typeof traceSummary>

export const traceSpan = z.object({
  /** 16 hexadecimal digits. */
  id,
  parentId: id.nullable(),
  name: z.string(),
  /** Milliseconds of the epoch, with fractions. */
  startedAt: z.number(),
  durationMs: z.number(),
  state: traceState.exclude(['running']),
  error: z.string().nullable(),
  /** By OpenTelemetry's names (gen_ai.*), and moru.* where it has none. */
  attributes: z.record(z.string(), z.unknown()),
})
export type TraceSpan = z.infer<typeof traceSpan>

/** A part of what went in or came out. */
export const traceMessage = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool', 'reasoning', 'document']),
  content: z.string(),
})
export type TraceMessage = z.infer<typeof traceMessage>

export const traceDetail = traceSummary.extend({
  spans: z.array(traceSpan),
  /** null: contents were not kept. */
  input: z.array(traceMessage).nullable(),
  output: z.array(traceMessage).nullable(),
})
export type TraceDetail = z.infer<typeof traceDetail>

export const traceFilter = z.object({
  /** All words, in what went in, what came out, or the error. */
  text: z.string().max(500).optional(),
  kinds: z.array(traceKind).optional(),
  models: z.array(z.string().max(4096)).max(100).optional(),
  states: z.array(traceState).optional(),
  /** A hit of the answer cache, exact or similar. */
  cacheHit: z.boolean().optional(),
  minDurationMs: z.number().min(0).optional(),
  startedAfter: z.number().optional(),
  startedBefore: z.number().optional(),
  conversationId: id.optional(),
  rated: z.boolean().optional(),
})
export type TraceFilter = z.infer<typeof traceFilter>

/** Newest first. `count` stops at countLimit when texts have to be looked into: then more is true. */
export const tracesList = defineRoute('traces.list', {
  input: z.object({
    filter: traceFilter.default({}),
    /** Only traces before this seq: the last one of the page before. */
    before: z.number().int().optional(),
    limit: z.number().int().min(1).max(1000).default(100),
    /** Whether to count all that pass the filter. */
    counted: z.boolean().default(false),
  }),
  output: z.object({
    traces: z.array(traceSummary),
    count: z.object({ value: z.number().int(), more: z.boolean() }).nullable(),
  }),
})
export const tracesGet = defineRoute('traces.get', { input: z.object({ id }), output: traceDetail })
/** Traces as they begin, end and change, from now on; batches of up to a second. */
export const tracesFollow = defineStream('traces.follow', {
  input: z.object({}),
  event: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('written'), traces: z.array(traceSummary) }),
    z.object({ kind: z.literal('removed') }),
  ]),
})
/** Deletes for good: no byte of them is left in the profile's database. */
export const tracesRemove = defineRoute('traces.remove', {
  input: z.object({
    what: z.union([z.object({ ids: z.array(id).min(1).max(10_000) }), z.object({ filter: traceFilter })]),
  }),
  output: z.object({ removed: z.number().int() }),
})
/** Judges an answer; null takes the judgement back. */
export const tracesRate = defineRoute('traces.rate', {
  input: z.object({
    id,
    rating: z.union([z.literal(1), z.literal(-1)]).nullable(),
    comment: z.string().max(10_000).nullable().default(null),
  }),
  output: traceSummary,
})
/** jsonl: a trace a line; otlp: OTLP/JSON as OpenTelemetry's file exporter writes it; ratings: rated answers as a data set. */
export const traceExportFormat = z.enum(['jsonl', 'otlp', 'ratings'])
/** Oldest first, in pieces of whole lines. */
export const tracesExport = defineStream('traces.export', {
  input: z.object({ format: traceExportFormat, filter: traceFilter.default({}) }),
  event: z.object({ text: z.string(), traces: z.number().int() }),
})
/** How the collector that the person named gets on; the figures of the last three lines since the host began. */
const collectorStatus = z.object({
  endpoint: z.string().nullable(),
  hasHeaders: z.boolean(),
  sentSpans: z.number().int(),
  waitingSpans: z.number().int(),
  lastError: z.string().nullable(),
  lastSentAt: z.number().nullable(),
  lastTriedAt: z.number().nullable(),
  /** Whether it answered then, whatever it said; null before the first try. */
  reached: z.boolean().nullable(),
  /** Spans that it refused for good. */
  refusedSpans: z.number().int(),
})
export type CollectorStatus = z.infer<typeof collectorStatus>

export const tracesStatus = defineRoute('traces.status', {
  input: z.object({}),
  output: z.object({
    enabled: z.boolean(),
    traces: z.number().int(),
    sizeBytes: z.number(),
    oldestAt: z.number().nullable(),
    /** Models that traces name, for the filter. */
    models: z.array(z.string()),
    /** Spans that did not fit into memory between two writes, since the start. */
    dropped: z.number().int(),
    otlp: collectorStatus,
  }),
})
/** Sends the collector a request without spans, to see whether it is there and takes the headers. Throws invalid_input where none is named. */
export const tracesTryCollector = defineRoute('traces.tryCollector', { input: z.object({}), output: collectorStatus })
/** Headers for the collector, such as an API key. They are write-only; null forgets them. */
export const tracesSetOtlpHeaders = defineRoute('traces.setOtlpHeaders', {
  input: z.object({
    headers: z
      .record(
        z
          .string()
          .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)
          .max(200),
        z
          .string()
          .regex(/^[\t\x20-\x7e]*$/)
          .max(4000),
      )
      .nullable(),
  }),
  output: z.object({}),
})
