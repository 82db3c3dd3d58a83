/** A client of a host that runs in another process. */
import { WebSocket } from 'ws'
import {
  type EventOf,
  type HostFrame,
  hostFrame,
  type InputOf,
  type OutputOf,
  type Route,
  type Stream,
} from '../../shared/contract'
import { type ErrorCode, MoruError } from '../../shared/errors'
import { type CallOptions, type Client } from './client'
import { readLock } from './lock'

/** A client of the host that serves this profile, or null when none runs. */
export async function connect(profileDirectory: string): Promise<Client | null> {
  const lock = readLock(profileDirectory)
  return lock ? connectTo(lock.port, lock.token).catch(() => null) : null
}

/** A client of the host on this loopback port. Rejects when it does not answer or refuses the token. */
export function connectTo(port: number, token: string): Promise<Client> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`, {
    headers: { authorization: `Bearer ${token}` },
    handshakeTimeout: 5000,
    maxPayload: 1024 * 1024 * 1024,
  })
  return new Promise((resolve, reject) => {
    ws.once('open', () => resolve(new WebSocketClient(ws)))
    ws.once('error', (error) =>
      reject(new MoruError('network', `The host on port ${port} does not answer: ${error.message}`, { cause: error })),
    )
  })
}

type Listener = (frame: HostFrame) => void

class WebSocketClient implements Client {
  readonly #ws: WebSocket
  readonly #listeners = new Map<number, Listener>()
  #nextId = 1

  constructor(ws: WebSocket) {
    this.#ws = ws
    ws.on('message', (data) => {
      const frame = hostFrame.parse(JSON.parse(String(data)))
      this.#listeners.get(frame.id)?.(frame)
    })
    ws.on('error', () => undefined)
    ws.on('close', (code) => {
      const reason =
        code === 1009 ? 'The message is larger than the host accepts.' : 'The connection to the host was lost.'
      const error = { code: (code === 1009 ? 'invalid_input' : 'network') as ErrorCode, message: reason }
      for (const [id, listener] of [...this.#listeners]) listener({ type: 'error', id, error })
    })
  }

  async request<R extends Route>(route: R, input: InputOf<R>, options: CallOptions = {}): Promise<OutputOf<R>> {
    const call = this.#call(route, input, options)
    for await (const frame of call) if (frame.type === 'result') return frame.value as OutputOf<R>
    throw new MoruError('internal', `The host ended '${route.name}' without an answer.`)
  }

  async *stream<S extends Stream>(stream: S, input: InputOf<S>, options: CallOptions = {}) {
    for await (const frame of this.#call(stream, input, options))
      if (frame.type === 'event') yield frame.value as EventOf<S>
  }

  async close(): Promise<void> {
    if (this.#ws.readyState === WebSocket.CLOSED) return
    const closed = new Promise((resolve) => this.#ws.once('close', resolve))
    this.#ws.close(1000)
    await closed
  }

  /** The frames that answer one request; throws its error. Leaving early tells the host to stop. */
  async *#call(endpoint: Route | Stream, input: unknown, { signal }: CallOptions): AsyncGenerator<HostFrame> {
    if (this.#ws.readyState !== WebSocket.OPEN) throw new MoruError('network', 'The connection to the host was lost.')
    const id = this.#nextId++
    const frames: HostFrame[] = []
    let wake = () => {}
    this.#listeners.set(id, (frame) => {
      frames.push(frame)
      wake()
    })
    const cancel = () => this.#ws.readyState === WebSocket.OPEN && this.#send({ type: 'cancel', id })
    let ended = false
    try {
      this.#send({ type: 'request', id, route: endpoint.name, input })
      if (signal?.aborted) cancel()
      signal?.addEventListener('abort', cancel)
      while (!ended) {
        if (frames.length === 0) await new Promise<void>((resolve) => (wake = resolve))
        const frame = frames.shift()!
        ended = frame.type !== 'event'
        if (frame.type === 'error') throw new MoruError(frame.error.code, frame.error.message, frame.error)
        yield frame
      }
    } finally {
      signal?.removeEventListener('abort', cancel)
      this.#listeners.delete(id)
      if (!ended) cancel()
    }
  }

  #send(frame: unknown): void {
    this.#ws.send(JSON.stringify(frame))
  }
}
