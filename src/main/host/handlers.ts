/** What the host must answer: one handler for every endpoint of the contract, demanded by the type. */
import {
  contract,
  type Contract,
  type Endpoint,
  type EventOf,
  type OutputOf,
  type ParsedInputOf,
  type Route,
  type Stream,
} from '../../shared/contract'

export interface HandlerContext {
  /** Fires when the caller cancels or is gone. */
  signal: AbortSignal
}

export type RouteHandler<R extends Endpoint> = (
  input: ParsedInputOf<R>,
  context: HandlerContext,
) => Promise<OutputOf<R>> | OutputOf<R>

export type StreamHandler<S extends Endpoint> = (
  input: ParsedInputOf<S>,
  context: HandlerContext,
) => AsyncIterable<EventOf<S>>

/** Keys are the names under which the contract exports its endpoints. */
export type Handlers = {
  [K in keyof Contract]: Contract[K] extends Stream ? StreamHandler<Contract[K]> : RouteHandler<Contract[K]>
}

/** An endpoint with its handler, the types forgotten: what a dispatcher that serves them all works with. */
export type Served =
  | { endpoint: Route; handle: (input: unknown, context: HandlerContext) => unknown }
  | { endpoint: Stream; handle: (input: unknown, context: HandlerContext) => AsyncIterable<unknown> }

/** The table by route name ('chat.send'). */
export function byRoute(handlers: Handlers): ReadonlyMap<string, Served> {
  const keys = Object.keys(contract) as (keyof Contract)[]
  return new Map(keys.map((key) => [contract[key].name, { endpoint: contract[key], handle: handlers[key] } as Served]))
}
