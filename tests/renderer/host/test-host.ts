/** A host that lives in the test: speaks the contract's frames and checks both directions against its schemas. */
import {
  endpoints,
  type ClientFrame,
  type Contract,
  type EventOf,
  type HostFrame,
  type OutputOf,
  type ParsedInputOf,
  type Stream,
} from '../../../src/shared/contract'
import { toMoruError, MoruError } from '../../../src/shared/errors'
import type { HostState } from '../../../src/shared/bridge'
import type { Transport } from '../../../src/renderer/api/transport'

export type Handlers = {
  [K in keyof Contract]: Contract[K] extends Stream
    ? (input: ParsedInputOf<Contract[K]>, signal: AbortSignal) => AsyncIterable<EventOf<Contract[K]>>
    : (input: ParsedInputOf<Contract[K]>) => OutputOf<Contract[K]> | Promise<OutputOf<Contract[K]>>
}
type Handler = (input: unknown, signal: AbortSignal) => unknown

/** 'models.listHubFiles' is handled by `modelsListHubFiles`. */
const handlerName = (route: string) => route.replace(/\.(\w)/, (_, first: string) => first.toUpperCase())

export class TestHost implements Transport {
  /** Routes asked for, in order, with their parsed input. */
  readonly asked: { route: string; input: unknown }[] = []
  private readonly handlers: Partial<Handlers>
  private readonly running = new Map<number, AbortController>()
  private answer: (frame: HostFrame) => void = () => {}
  private tell: (state: HostState) => void = () => {}

  constructor(handlers: Partial<Handlers>) {
    this.handlers = handlers
  }

  onFrame(listener: (frame: HostFrame) => void) {
    this.answer = listener
  }

  onState(listener: (state: HostState) => void) {
    this.tell = listener
    queueMicrotask(() => listener('ready'))
  }

  /** The host dies: what runs is cut off without an answer. */
  goAway() {
    for (const work of this.running.values()) work.abort()
    this.running.clear()
    this.tell('away')
  }

  comeBack() {
    this.tell('ready')
  }

  send(frame: ClientFrame) {
    if (frame.type === 'cancel') this.running.get(frame.id)?.abort()
    else void this.handle(frame.id, frame.route, frame.input)
  }

  private async handle(id: number, route: string, input: unknown) {
    const work = new AbortController()
    this.running.set(id, work)
    const reply = (frame: HostFrame) => {
      if (this.running.has(id)) this.answer(structuredClone(frame))
    }
    try {
      const endpoint = endpoints.get(route)
      if (!endpoint) throw new MoruError('invalid_input', `There is no route ${route}.`)
      const parsed = endpoint.input.parse(JSON.parse(JSON.stringify(input)))
      this.asked.push({ route, input: parsed })
      const handler = (this.handlers as unknown as Partial<Record<string, Handler>>)[handlerName(route)]
      if (!handler) throw new MoruError('unsupported', `The test's host does not answer ${route}.`)
      if (endpoint.kind === 'route') {
        reply({ type: 'result', id, value: endpoint.output.parse(await handler(parsed, work.signal)) })
      } else {
        for await (const event of handler(parsed, work.signal) as AsyncIterable<unknown>)
          reply({ type: 'event', id, value: endpoint.event.parse(event) })
        reply({ type: 'end', id })
      }
    } catch (thrown) {
      reply({ type: 'error', id, error: toMoruError(thrown).toShape() })
    } finally {
      this.running.delete(id)
    }
  }
}
