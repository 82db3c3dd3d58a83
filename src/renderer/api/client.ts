import type { HostState } from '../../shared/bridge'
import type { HostFrame } from '../../shared/contract'
import { MoruError } from '../../shared/errors'
import { EventQueue } from './event-queue'
import type { Transport } from './transport'
import type { Api, CallOptions, StreamName } from './types'

/** Which routes answer with events. The type demands every stream of the contract and nothing else. */
const streams: Record<StreamName, true> = {
  'ask.run': true,
  'bench.run': true,
  'quantize.follow': true,
  'compare.run': true,
  'compare.embeddings': true,
  'convert.run': true,
  'quantize.fit': true,
  'importance.run': true,
  'compare.prompt': true,
  'inspect.activations': true,
  'profiler.run': true,
  'profiler.measure': true,
  'profiler.memory': true,
  'profiler.schedule': true,
  'chat.send': true,
  'chat.regenerate': true,
  'chat.continue': true,
  'chat.follow': true,
  'engine.follow': true,
  'evaluate.retrieval': true,
  'jobs.follow': true,
  'models.load': true,
  'text.generate': true,
  'text.score': true,
  'traces.export': true,
  'traces.follow': true,
}

/** How long a call made while the host is away waits for it before it fails. */
const patienceMs = 8_000

interface OpenCall {
  result(value: unknown): void
  event(value: unknown): void
  end(): void
  fail(error: MoruError): void
}

const awayError = () => new MoruError('network', 'The connection to the host was lost before it answered.')

/** Speaks the contract over a transport: numbers the calls, hands out answers, ends what the host's loss cut off. */
export class Client {
  readonly api: Api
  private state: HostState = 'away'
  private nextId = 1
  private readonly open = new Map<number, OpenCall>()
  private readonly unsent = new Map<number, () => void>()
  private readonly listeners = new Set<(state: HostState) => void>()
  private readonly transport: Transport

  constructor(transport: Transport) {
    this.transport = transport
    transport.onFrame((frame) => this.receive(frame))
    transport.onState((state) => this.changeState(state))
    this.api = this.makeApi()
  }

  /** Calls `listener` with the state at once and at every change. Answers a function that stops it. */
  onState(listener: (state: HostState) => void): () => void {
    this.listeners.add(listener)
    listener(this.state)
    return () => this.listeners.delete(listener)
  }

  private makeApi(): Api {
    const domains = new Map<string, object>()
    const domainOf = (domain: string) =>
      new Proxy(
        {},
        {
          get: (_, verb) => (input: unknown, options?: CallOptions) =>
            `${domain}.${String(verb)}` in streams
              ? this.stream(`${domain}.${String(verb)}`, input, options)
              : this.request(`${domain}.${String(verb)}`, input, options),
        },
      )
    return new Proxy({} as Api, {
      get(_, domain: string) {
        if (!domains.has(domain)) domains.set(domain, domainOf(domain))
        return domains.get(domain)
      },
    })
  }

  private request(route: string, input: unknown, options?: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.start(route, input, options, {
        result: resolve,
        event: () => reject(new MoruError('internal', `${route} answered with events.`)),
        end: () => reject(new MoruError('internal', `${route} ended without an answer.`)),
        fail: reject,
      })
    })
  }

  private stream(route: string, input: unknown, options?: CallOptions): AsyncIterable<unknown> {
    const leave = new AbortController()
    const queue = new EventQueue<unknown>(() => leave.abort())
    const signal = options?.signal ? AbortSignal.any([options.signal, leave.signal]) : leave.signal
    this.start(
      route,
      input,
      { signal },
      {
        result: () => queue.end(new MoruError('internal', `${route} answered without events.`)),
        event: (value) => queue.push(value),
        end: () => queue.end(),
        fail: (error) => queue.end(error),
      },
    )
    return queue
  }

  private start(route: string, input: unknown, options: CallOptions | undefined, call: OpenCall): void {
    const id = this.nextId++
    const signal = options?.signal
    if (signal?.aborted) return call.fail(new MoruError('cancelled', 'The work was cancelled.'))
    const send = () => {
      this.unsent.delete(id)
      clearTimeout(timer)
      this.transport.send({ type: 'request', id, route, input })
    }
    const timer = setTimeout(() => {
      if (this.unsent.has(id)) this.settle(id)?.fail(awayError())
    }, patienceMs)
    this.open.set(id, call)
    this.unsent.set(id, send)
    signal?.addEventListener('abort', () => this.cancel(id), { once: true })
    if (this.state === 'ready') send()
  }

  private cancel(id: number): void {
    const waits = this.unsent.has(id)
    const call = this.settle(id)
    if (!call) return
    if (!waits && this.state === 'ready') this.transport.send({ type: 'cancel', id })
    call.fail(new MoruError('cancelled', 'The work was cancelled.'))
  }

  private settle(id: number): OpenCall | undefined {
    const call = this.open.get(id)
    this.open.delete(id)
    this.unsent.delete(id)
    return call
  }

  private receive(frame: HostFrame): void {
    if (frame.type === 'event') return this.open.get(frame.id)?.event(frame.value)
    const call = this.settle(frame.id)
    if (frame.type === 'result') call?.result(frame.value)
    else if (frame.type === 'end') call?.end()
    else call?.fail(new MoruError(frame.error.code, frame.error.message, { details: frame.error.details }))
  }

  private changeState(state: HostState): void {
    if (state === this.state) return
    this.state = state
    if (state === 'away')
      for (const id of [...this.open.keys()]) if (!this.unsent.has(id)) this.settle(id)?.fail(awayError())
    for (const listener of [...this.listeners]) listener(state)
    if (state === 'ready') for (const send of [...this.unsent.values()]) send()
  }
}
