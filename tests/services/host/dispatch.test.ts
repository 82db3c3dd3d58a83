import fc from 'fast-check'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { type EngineStatus } from '../../../src/shared/contract/engine'
import { hostFrame, type HostFrame } from '../../../src/shared/contract'
import { settings as settingsSchema } from '../../../src/shared/contract/settings'
import { MoruError } from '../../../src/shared/errors'
import { createDispatcher, type DispatchOptions } from '../../../src/main/host/dispatch'
import { type Handlers } from '../../../src/main/host/handlers'
import { handlersWith } from './handlers'

const status = (tokensPerSecond: number): EngineStatus => ({
  adapter: null,
  software: false,
  state: 'idle',
  memoryBytes: 0,
  tokensPerSecond,
  model: null,
})

/** A connection whose reader takes a frame only when `take` is called, or all at once with `reading`. */
function connect(handlers: Partial<Handlers>, options: Partial<DispatchOptions> & { reading?: boolean } = {}) {
  const logged: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) })
  const frames: HostFrame[] = []
  const waiting: (() => void)[] = []
  const refused: string[] = []
  const connection = createDispatcher({ handlers: handlersWith(handlers), log, ...options })({
    send(frame) {
      frames.push(frame)
      return options.reading === false ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()
    },
    refuse: (reason) => refused.push(reason),
  })
  const request = (id: number, route: string, input: unknown = {}) =>
    connection.receive(JSON.stringify({ type: 'request', id, route, input }))
  return { connection, request, frames, refused, logged, take: () => waiting.shift()?.() }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 20))
const hub = { endpoint: 'https://huggingface.co', proxy: null, hasToken: false }
const tracing = settingsSchema.parse({}).tracing
const settings = {
  language: 'ko',
  theme: 'dark',
  defaultModelId: null,
  load: {},
  keepTokenDetails: true,
  answerCache: { ageDays: 30, sizeMiB: 64, similar: true, distance: 0.2 },
  hub,
  tracing,
} as const

describe('routes', () => {
  it('answers a request with its result', async () => {
    const { request, frames } = connect({ settingsGet: async () => settings })
    request(7, 'settings.get')
    await settled()
    expect(frames).toEqual([{ type: 'result', id: 7, value: settings }])
  })

  it('gives handlers the input with its defaults filled in', async () => {
    let given: unknown
    const { request } = connect({ conversationsList: async (input) => ((given = input), []) })
    request(1, 'conversations.list', { search: '모루' })
    await settled()
    expect(given).toEqual({ search: '모루', limit: 500 })
  })

  it('names the field of an input that is not valid', async () => {
    const { request, frames } = connect({})
    request(1, 'chat.send', { conversationId: 'a', parentId: null, text: '' })
    await settled()
    expect(frames[0]).toMatchObject({ type: 'error', id: 1, error: { code: 'invalid_input' } })
    expect(JSON.stringify(frames[0])).toContain('chat.send')
    expect(JSON.stringify(frames[0])).toContain('text')
  })

  it('says that a route is unknown, also when its name is one of JavaScript’s own', async () => {
    const { request, frames } = connect({})
    for (const [id, route] of ['no.such', '__proto__', 'constructor'].entries()) request(id, route)
    await settled()
    expect(frames.map((f) => f.type === 'error' && f.error.code)).toEqual(['not_found', 'not_found', 'not_found'])
  })

  it('passes on an error meant for people, and keeps a defect of ours for the log', async () => {
    const { request, frames, logged } = connect({
      chatStop: () => Promise.reject(new MoruError('conflict', 'It has ended.', { details: { at: 3 } })),
      modelsUnload: () => Promise.reject(new TypeError('secret /home/user/detail')),
    })
    request(1, 'chat.stop', { messageId: 'm' })
    request(2, 'models.unload')
    await settled()
    expect(frames[0]).toEqual({
      type: 'error',
      id: 1,
      error: { code: 'conflict', message: 'It has ended.', details: { at: 3 } },
    })
    expect(frames[1]).toMatchObject({ type: 'error', id: 2, error: { code: 'internal' } })
    expect(JSON.stringify(frames[1])).not.toContain('secret')
    expect(logged.join()).toContain('secret')
    expect(logged.join()).toContain('dispatch.test.ts')
  })

  it('checks answers against the contract when asked to', async () => {
    const wrong = { settingsGet: async () => ({ ...settings, theme: 'mauve' as 'dark' }) }
    const { request, frames, logged } = connect(wrong, { checkOutputs: true })
    request(1, 'settings.get')
    await settled()
    expect(frames[0]).toMatchObject({ type: 'error', error: { code: 'internal' } })
    expect(logged.join()).toContain('theme')
  })
})

describe('frames that are not what they should be', () => {
  it.each([
    ['text that is not JSON', '{"type":'],
    ['a value that is no frame', '[1,2]'],
    ['a frame without an id', '{"type":"request","route":"settings.get"}'],
    ['a negative id', '{"type":"cancel","id":-1}'],
  ])('ends the connection on %s', (_, text) => {
    const { connection, refused, frames } = connect({})
    connection.receive(text)
    expect(refused).toHaveLength(1)
    expect(frames).toEqual([])
  })

  it('answers a broken frame that says which request it is', async () => {
    const { connection, refused, frames } = connect({})
    connection.receive('{"type":"shout","id":4}')
    await settled()
    expect(refused).toEqual([])
    expect(frames).toMatchObject([{ type: 'error', id: 4, error: { code: 'invalid_input' } }])
  })

  it('ends the connection on a frame beyond the limit, counted in bytes', () => {
    const { request, refused } = connect({}, { maxFrameBytes: 200 })
    request(1, 'settings.get', 'x'.repeat(100))
    expect(refused).toEqual([])
    request(2, 'settings.get', '모'.repeat(60))
    expect(refused).toHaveLength(1)
  })

  it('ends the connection when an id is used twice at once', () => {
    const { request, refused } = connect({ modelsUnload: () => new Promise(() => {}) })
    request(1, 'models.unload')
    request(1, 'models.unload')
    expect(refused).toHaveLength(1)
  })
})

it('answers or ends the connection, whatever it is sent, and never anything else', async () => {
  const frame = fc.record(
    {
      type: fc.constantFrom('request', 'cancel', 'result', 7),
      id: fc.oneof(fc.integer({ min: -2, max: 3 }), fc.double(), fc.string()),
      route: fc.oneof(fc.constantFrom('settings.get', 'chat.send', 'engine.follow', 'hasOwnProperty'), fc.string()),
      input: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  const message = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    frame.map((value) => JSON.stringify(value)),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 8 }), async (messages) => {
      const { connection, frames, refused, logged } = connect({ settingsGet: async () => settings })
      for (const text of messages) connection.receive(text)
      await new Promise((resolve) => setImmediate(resolve))
      expect(refused.length).toBeLessThanOrEqual(1)
      expect(connection.running).toBe(0)
      for (const sent of frames) hostFrame.parse(sent)
      expect(logged.join()).not.toContain('request failed')
    }),
    { numRuns: 500 },
  )
})

describe('streams', () => {
  /** Counts for ever; `reached` is how far the producer was asked to go. */
  function counter() {
    const state = { reached: 0, ended: false }
    const handler: Handlers['engineFollow'] = async function* () {
      try {
        for (;;) yield status(++state.reached)
      } finally {
        state.ended = true
      }
    }
    return { state, handler }
  }

  it('sends events in order and then the end', async () => {
    const { request, frames } = connect({
      engineFollow: async function* () {
        yield status(1)
        yield status(2)
      },
    })
    request(3, 'engine.follow')
    await settled()
    expect(frames).toEqual([
      { type: 'event', id: 3, value: status(1) },
      { type: 'event', id: 3, value: status(2) },
      { type: 'end', id: 3 },
    ])
  })

  it('asks for no more than a slow reader takes', async () => {
    const { state, handler } = counter()
    const { request, connection, take } = connect({ engineFollow: handler }, { reading: false })
    request(1, 'engine.follow')
    await settled()
    expect(state.reached).toBe(1)
    take()
    take()
    await settled()
    expect(state.reached).toBe(2)
    connection.close()
    take()
    await settled()
    expect(state.ended).toBe(true)
  })

  it('stops on cancel, and says so', async () => {
    const { state, handler } = counter()
    const slow: Handlers['engineFollow'] = async function* (input, context) {
      for await (const event of handler(input, context)) {
        yield event
        await settled()
      }
    }
    const { request, connection, frames } = connect({ engineFollow: slow })
    request(1, 'engine.follow')
    await settled()
    connection.receive('{"type":"cancel","id":1}')
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(state.ended).toBe(true)
    expect(frames.at(-1)).toMatchObject({ type: 'error', id: 1, error: { code: 'cancelled' } })
    expect(connection.running).toBe(0)
  })

  it('tells handlers through the signal, also those that wait for something else', async () => {
    let reason = ''
    const { request, connection, frames } = connect({
      engineFollow: async function* (_, { signal }) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        reason = 'aborted'
        yield status(0)
      },
    })
    request(1, 'engine.follow')
    connection.receive('{"type":"cancel","id":1}')
    await settled()
    expect(reason).toBe('aborted')
    expect(frames.map((f) => f.type)).toEqual(['error'])
  })

  it('cancels everything when the connection is gone', async () => {
    const { state, handler } = counter()
    let aborted = false
    const route: Handlers['modelsUnload'] = (_, { signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          aborted = true
          reject(signal.reason)
        }),
      )
    const { request, connection, frames, take } = connect(
      { engineFollow: handler, modelsUnload: route },
      { reading: false },
    )
    request(1, 'engine.follow')
    request(2, 'models.unload')
    await settled()
    connection.close()
    take()
    await settled()
    expect([state.ended, aborted, connection.running]).toEqual([true, true, 0])
    expect(frames).toHaveLength(1)
  })

  it('sends what came before an error, then the error', async () => {
    const { request, frames } = connect({
      engineFollow: async function* () {
        yield status(1)
        throw new MoruError('device_lost', 'The graphics device was lost.')
      },
    })
    request(1, 'engine.follow')
    await settled()
    expect(frames.map((f) => f.type)).toEqual(['event', 'error'])
  })
})

describe('bounds', () => {
  it('refuses requests beyond the limit until one ends', async () => {
    let finish = () => {}
    const { request, frames } = connect(
      { modelsUnload: () => new Promise((resolve) => (finish = () => resolve({}))), settingsGet: async () => settings },
      { maxRequests: 1 },
    )
    request(1, 'models.unload')
    request(2, 'settings.get')
    await settled()
    expect(frames).toMatchObject([{ type: 'error', id: 2, error: { code: 'busy' } }])
    finish()
    await settled()
    request(3, 'settings.get')
    await settled()
    expect(frames.slice(1).map((f) => f.type)).toEqual(['result', 'result'])
  })

  it('ends the connection of a client that asks without reading', async () => {
    const { request, refused, connection, frames } = connect(
      { settingsGet: async () => settings },
      { maxRequests: 2, reading: false },
    )
    for (let id = 0; id < 100 && refused.length === 0; id++) {
      request(id, 'settings.get')
      await Promise.resolve()
    }
    await settled()
    expect(refused).toEqual(['answers are not being read'])
    expect(frames.length).toBeLessThan(20)
    expect(connection.running).toBeLessThanOrEqual(2)
  })
})
