/** How a request, a stream or an event is described: once, with the schema both sides use. */
import { z } from 'zod'
import { errorCodes } from '../errors'

export interface Route<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  kind: 'route'
  name: string
  input: I
  output: O
}

export interface Stream<I extends z.ZodType = z.ZodType, E extends z.ZodType = z.ZodType> {
  kind: 'stream'
  name: string
  input: I
  event: E
}

/** One question, one answer. */
export const defineRoute = <I extends z.ZodType, O extends z.ZodType>(name: string, spec: { input: I; output: O }) =>
  ({ kind: 'route', name, ...spec }) as Route<I, O>

/** One question, events until the work ends, fails or is cancelled by the caller. */
export const defineStream = <I extends z.ZodType, E extends z.ZodType>(name: string, spec: { input: I; event: E }) =>
  ({ kind: 'stream', name, ...spec }) as Stream<I, E>

export type Endpoint = Route | Stream
export type InputOf<R extends Endpoint> = z.input<R['input']>
export type ParsedInputOf<R extends Endpoint> = z.output<R['input']>
export type OutputOf<R extends Endpoint> = R extends Route<z.ZodType, infer O> ? z.output<O> : never
export type EventOf<R extends Endpoint> = R extends Stream<z.ZodType, infer E> ? z.output<E> : never

export const errorShape = z.object({
  code: z.enum(errorCodes),
  message: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
})

/** What a caller sends. `id` is the caller's, unique within its connection. */
export const clientFrame = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('request'),
    id: z.number().int().nonnegative(),
    route: z.string().max(100),
    input: z.unknown(),
  }),
  z.object({ type: z.literal('cancel'), id: z.number().int().nonnegative() }),
])
export type ClientFrame = z.infer<typeof clientFrame>

/** What the host answers: one `result` for a route; `event`s and then `end` for a stream; `error` instead of either. */
export const hostFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('result'), id: z.number().int(), value: z.unknown() }),
  z.object({ type: z.literal('event'), id: z.number().int(), value: z.unknown() }),
  z.object({ type: z.literal('end'), id: z.number().int() }),
  z.object({ type: z.literal('error'), id: z.number().int(), error: errorShape }),
])
export type HostFrame = z.infer<typeof hostFrame>
