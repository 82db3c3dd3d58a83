/**
 * One dispatcher for every transport: reads a client's frames, checks them, runs the handler, and sends what it answers
 * no faster than the transport takes it. A stream's producer is asked for its next event only when the last one has room.
 */
import { z } from 'zod'
import { clientFrame, type ClientFrame, type HostFrame } from '../../shared/contract'
import { MoruError } from '../../shared/errors'
import { byRoute, type Handlers, type Served } from './handlers'
import { type Log } from './log'
import { invalidInput, reportError } from './report-error'

/** The longest message a client may send, in bytes: twenty attached texts of a few hundred pages each. */
export const maxFrameBytes = 64 * 1024 * 1024
const maxRequestsPerConnection = 64

export interface Transport {
  /** Resolves once there is room for another frame; rejects when the connection is gone. */
  send(frame: HostFrame): Promise<void>
  /** Ends the connection because its other side broke the protocol. `reason`: at most 120 bytes. */
  refuse(reason: string): void
}

/** The dispatcher's end of one connection. */
export interface Connection {
  /** A message as it came off the wire. */
  receive(text: string): void
  /** The other side is gone: everything it asked for is cancelled. */
  close(): void
  /** Requests being worked on. */
  readonly running: number
}

export interface DispatchOptions {
  handlers: Handlers
  log: Log
  maxRequests?: number
  maxFrameBytes?: number
  /** Check what handlers answer against the contract: for tests and development, not for every token of a stream. */
  checkOutputs?: boolean
}

export type Dispatcher = (transport: Transport) => Connection

/** A dispatcher over a table of handlers; call it once for each connection. */
export function createDispatcher(options: DispatchOptions): Dispatcher {
  const routes = byRoute(options.handlers)
  return (transport) => new DispatchedConnection(transport, routes, options)
}

class DispatchedConnection implements Connection {
  readonly #transport: Transport
  readonly #routes: ReadonlyMap<string, Served>
  readonly #options: DispatchOptions
  readonly #running = new Map<number, AbortController>()
  #open = true
  #sending = 0

  constructor(transport: Transport, routes: ReadonlyMap<string, Served>, options: DispatchOptions) {
    this.#transport = transport
    this.#routes = routes
    this.#options = options
  }

  get running(): number {
    return this.#running.size
  }

  receive(text: string): void {
    if (!this.#open) return
    const frame = this.#parse(text)
    if (!frame) return
    if (frame.type === 'cancel') this.#running.get(frame.id)?.abort()
    else if (this.#running.has(frame.id)) this.#refuse(`request id ${frame.id} is in use`)
    else void this.#run(frame)
  }

  close(): void {
    this.#open = false
    for (const controller of this.#running.values()) controller.abort()
  }

  /** The frame, or null when it was answered with an error or ended the connection. */
  #parse(text: string): ClientFrame | null {
    const limit = this.#options.maxFrameBytes ?? maxFrameBytes
    if (Buffer.byteLength(text) > limit) return this.#refuse(`a message may be at most ${limit} bytes`)
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      return this.#refuse('a message was not JSON')
    }
    const parsed = clientFrame.safeParse(json)
    if (parsed.success) return parsed.data
    // Only a frame that says which request it is can be answered; with any other the two sides are out of step.
    const id = z.object({ id: z.number().int().nonnegative() }).safeParse(json).data?.id
    if (id === undefined || this.#running.has(id)) return this.#refuse('a message was not a frame')
    const message = `A frame was not valid: ${parsed.error.issues[0].path.join('.')}: ${parsed.error.issues[0].message}.`
    void this.#send({ type: 'error', id, error: { code: 'invalid_input', message } })
    return null
  }

  #refuse(reason: string): null {
    this.#options.log.warn({ reason }, 'connection refused')
    this.close()
    this.#transport.refuse(reason)
    return null
  }

  async #run({ id, route, input }: ClientFrame & { type: 'request' }): Promise<void> {
    const limit = this.#options.maxRequests ?? maxRequestsPerConnection
    const full = this.#running.size >= limit
    const controller = new AbortController()
    if (!full) this.#running.set(id, controller)
    let last: HostFrame
    try {
      if (full)
        throw new MoruError(
          'busy',
          `${limit} requests are open on this connection already. Try again when one has ended.`,
        )
      last = await this.#answer(id, route, input, controller.signal)
    } catch (thrown) {
      last = { type: 'error', id, error: reportError(thrown, route, this.#options.log) }
    }
    // Until its last frame is taken a request counts: who asks without reading is bounded as well.
    await this.#send(last)
    if (this.#running.get(id) === controller) this.#running.delete(id)
  }

  /** Runs the handler and sends its events; answers the frame that ends the request. */
  async #answer(id: number, route: string, input: unknown, signal: AbortSignal): Promise<HostFrame> {
    const served = this.#routes.get(route)
    if (!served) throw new MoruError('not_found', `There is no route '${route}'.`)
    const parsed = served.endpoint.input.safeParse(input)
    if (!parsed.success) throw invalidInput(route, parsed.error)
    if (served.kind === 'route') {
      const value = await served.handle(parsed.data, { signal })
      return { type: 'result', id, value: this.#checked(served.endpoint.output, value) }
    }
    for await (const event of until(served.handle(parsed.data, { signal }), signal))
      await this.#send({ type: 'event', id, value: this.#checked(served.endpoint.event, event) })
    return { type: 'end', id }
  }

  #checked(schema: z.ZodType, value: unknown): unknown {
    return this.#options.checkOutputs ? schema.parse(value) : value
  }

  async #send(frame: HostFrame): Promise<void> {
    if (!this.#open) return
    if (this.#sending > 4 * (this.#options.maxRequests ?? maxRequestsPerConnection)) {
      this.#refuse('answers are not being read')
      return
    }
    this.#sending += 1
    // A transport fails only because the connection is gone.
    await this.#transport.send(frame).catch(() => this.close())
    this.#sending -= 1
  }
}

/** The events of `source` until the signal fires; then the source is told to stop, and its end is waited for. */
async function* until<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]()
  try {
    for (;;) {
      const step = await orCancelled(iterator.next(), signal)
      if (step.done) return
      yield step.value
    }
  } finally {
    await iterator.return?.()
  }
}

/** What `promise` gives, or `cancelled` as soon as the signal fires. Leaves nothing behind on a signal that lives long. */
function orCancelled<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = () => reject(new MoruError('cancelled', 'The request was cancelled.'))
    if (signal.aborted) cancel()
    signal.addEventListener('abort', cancel, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', cancel))
  })
}
