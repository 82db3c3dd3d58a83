/** What the host must answer: one handler for every endpoint of the contract, demanded by the type. */
import { contract, type Contract, type Route, type Stream } from '../../shared/contract'
import { type HandlersFor } from '../../shared/contract/handlers'

/** Keys are the names under which the contract exports its endpoints. */
export type Handlers = HandlersFor<keyof Contract>

interface Context {
  signal: AbortSignal
}

/** An endpoint with its handler, the types forgotten: what a dispatcher that serves them all works with. */
export type Served =
  | { kind: 'route'; endpoint: Route; handle: (input: unknown, context: Context) => Promise<unknown> }
  | { kind: 'stream'; endpoint: Stream; handle: (input: unknown, context: Context) => AsyncIterable<unknown> }

/** The table by route name ('chat.send'). */
export function byRoute(handlers: Handlers): ReadonlyMap<string, Served> {
  const keys = Object.keys(contract) as (keyof Contract)[]
  const served = keys.map((key) => {
    const endpoint = contract[key]
    return [endpoint.name, { kind: endpoint.kind, endpoint, handle: handlers[key] } as Served] as const
  })
  return new Map(served)
}
