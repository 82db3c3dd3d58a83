/** How programs call the contract: the same over a connection to a running host and in process. */
import { type EventOf, type InputOf, type OutputOf, type Route, type Stream } from '../../shared/contract'
import { toMoruError } from '../../shared/errors'
import { byRoute, type Handlers } from './handlers'
import { invalidInput } from './report-error'

export interface CallOptions {
  signal?: AbortSignal
}

export interface Client {
  /** Rejects with a MoruError. */
  request<R extends Route>(route: R, input: InputOf<R>, options?: CallOptions): Promise<OutputOf<R>>
  /** Events until the work ends; leaving the loop cancels it. Throws a MoruError. */
  stream<S extends Stream>(stream: S, input: InputOf<S>, options?: CallOptions): AsyncIterableIterator<EventOf<S>>
  close(): Promise<void>
}

/** Calls handlers in this very process, with the same checks of what goes in. `close` is called by the client's. */
export function inProcessClient(handlers: Handlers, close: () => Promise<void>): Client {
  const routes = byRoute(handlers)
  const prepare = (endpoint: Route | Stream, input: unknown) => {
    const parsed = endpoint.input.safeParse(input)
    if (!parsed.success) throw invalidInput(endpoint.name, parsed.error)
    const { handle } = routes.get(endpoint.name)!
    return (signal: AbortSignal) => handle(parsed.data, { signal })
  }
  return {
    async request<R extends Route>(route: R, input: InputOf<R>, options: CallOptions = {}) {
      try {
        return (await prepare(route, input)(options.signal ?? new AbortController().signal)) as OutputOf<R>
      } catch (thrown) {
        throw toMoruError(thrown)
      }
    },
    async *stream<S extends Stream>(stream: S, input: InputOf<S>, options: CallOptions = {}) {
      const left = new AbortController()
      const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal
      try {
        yield* prepare(stream, input)(signal) as AsyncIterable<EventOf<S>>
      } catch (thrown) {
        throw toMoruError(thrown)
      } finally {
        left.abort()
      }
    },
    close,
  }
}
