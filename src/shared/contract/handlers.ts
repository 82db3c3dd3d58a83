/** The shape of what answers the contract, for domains that provide a part of the host's table. */
import { type Contract } from './index'
import { type Endpoint, type EventOf, type OutputOf, type ParsedInputOf, type Stream } from './core'

/** A route's handler answers once, a stream's with events. The signal fires when the caller cancels or is gone. */
export type HandlerFor<E extends Endpoint> = E extends Stream
  ? (input: ParsedInputOf<E>, context: { signal: AbortSignal }) => AsyncIterable<EventOf<E>>
  : (input: ParsedInputOf<E>, context: { signal: AbortSignal }) => Promise<OutputOf<E>>

/** Handlers keyed by the names under which the contract exports their endpoints. */
export type HandlersFor<K extends keyof Contract> = { [P in K]: HandlerFor<Contract[P]> }
