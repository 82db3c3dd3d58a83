import { type ClientRequest, type IncomingMessage } from 'node:http'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import { contract } from '../../../src/shared/contract'
import { type EngineStatus } from '../../../src/shared/contract/engine'
import { connect, connectTo } from '../../../src/main/host/connect'
import { createDispatcher } from '../../../src/main/host/dispatch'
import { serveHttp } from '../../../src/main/host/http'
import { handlersWith } from './handlers'
import { runningHost, temporaryDirectory } from './running'

const status = (tokensPerSecond: number, adapter = ''): EngineStatus => ({
  adapter,
  software: true,
  state: 'generating',
  memoryBytes: 1,
  tokensPerSecond,
  model: null,
})

interface Opening {
  protocols?: string[]
  headers?: Record<string, string>
  path?: string
}

/** 'open' with the agreed subprotocol, or the HTTP status that refused the connection. */
function tryOpening(port: number, { protocols = [], headers = {}, path = '/ws' }: Opening): Promise<string | number> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { headers })
  return new Promise((resolve, reject) => {
    ws.on('open', () => {
      resolve(`open ${ws.protocol}`)
      ws.close()
    })
    ws.on('unexpected-response', (_: ClientRequest, response: IncomingMessage) => resolve(response.statusCode!))
    ws.on('error', reject)
  })
}

describe('who may connect', () => {
  it('lets in the token, in a header or in a subprotocol, and from its own page', async () => {
    const { port, token } = await runningHost({})
    const bearer = { authorization: `Bearer ${token}` }
    expect(await tryOpening(port, { headers: bearer })).toBe('open ')
    expect(await tryOpening(port, { protocols: ['moru', `token.${token}`] })).toBe('open moru')
    for (const name of ['127.0.0.1', 'localhost'])
      expect(
        await tryOpening(port, {
          protocols: ['moru', `token.${token}`],
          headers: { host: `${name}:${port}`, origin: `http://${name}:${port}` },
        }),
      ).toBe('open moru')
  })

  it.each<[string, number, (token: string, port: number) => Opening]>([
    ['no token', 401, () => ({})],
    ['no token beside the subprotocol', 401, () => ({ protocols: ['moru'] })],
    ['a wrong token', 401, (token) => ({ headers: { authorization: `Bearer ${token.slice(1)}x` } })],
    ['a wrong token in a subprotocol', 401, () => ({ protocols: ['moru', 'token.wrong'] })],
    ['an empty token', 401, () => ({ headers: { authorization: 'Bearer ' } })],
    ['the token in the address', 401, (token) => ({ path: `/ws?token=${token}` })],
    ['a foreign Origin', 403, (token) => ({ headers: { ...bearer(token), origin: 'https://evil.example' } })],
    ['another port’s Origin', 403, (token) => ({ headers: { ...bearer(token), origin: 'http://127.0.0.1:1' } })],
    ['the Origin of a sandboxed page', 403, (token) => ({ headers: { ...bearer(token), origin: 'null' } })],
    ['a foreign Host', 421, (token, port) => ({ headers: { ...bearer(token), host: `evil.example:${port}` } })],
    [
      'a Host that only begins right',
      421,
      (token, port) => ({ headers: { ...bearer(token), host: `localhost.evil.example:${port}` } }),
    ],
    ['another port’s Host', 421, (token) => ({ headers: { ...bearer(token), host: '127.0.0.1:1' } })],
    [
      'a foreign Host with its own Origin',
      421,
      (token, port) => ({
        headers: { ...bearer(token), host: `evil.example:${port}`, origin: `http://evil.example:${port}` },
      }),
    ],
    ['another path', 404, (token) => ({ path: '/', headers: bearer(token) })],
  ])('refuses %s', async (_, expected, opening) => {
    const { port, token } = await runningHost({})
    expect(await tryOpening(port, opening(token, port))).toBe(expected)
  })
})

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const event of events) all.push(event)
  return all
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('the contract over WebSocket', () => {
  it('answers requests, streams and errors, in Korean too', async () => {
    const { port, token } = await runningHost({
      conversationsExport: async ({ id }) => ({ fileName: `${id}.md`, text: '안녕하세요 👋' }),
      engineFollow: async function* () {
        for (let i = 0; i < 3; i++) yield status(i)
      },
    })
    const client = await connectTo(port, token)
    const [exported, rates] = await Promise.all([
      client.request(contract.conversationsExport, { id: '대화', format: 'markdown' }),
      collect(client.stream(contract.engineFollow, {})),
    ])
    expect(exported).toEqual({ fileName: '대화.md', text: '안녕하세요 👋' })
    expect(rates).toEqual([status(0), status(1), status(2)])
    await expect(client.request(contract.chatStop, { messageId: 'm' })).rejects.toMatchObject({ code: 'not_found' })
    await client.close()
  })

  it('finds a running host through the profile, and none where none runs', async () => {
    const host = await runningHost({ modelsUnload: async () => ({}) })
    const client = await connect(host.profile)
    expect(await client!.request(contract.modelsUnload, {})).toEqual({})
    await client!.close()
    expect(await connect(temporaryDirectory())).toBeNull()
    await host.stop()
    expect(await connect(host.profile)).toBeNull()
  })

  it('cancels by signal and by leaving the loop', async () => {
    let ended = 0
    const { port, token } = await runningHost({
      engineFollow: async function* (_, { signal }) {
        try {
          yield status(1)
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
        } finally {
          ended += 1
        }
      },
    })
    const client = await connectTo(port, token)
    const controller = new AbortController()
    const watching = collect(client.stream(contract.engineFollow, {}, { signal: controller.signal }))
    setTimeout(() => controller.abort(), 50)
    await expect(watching).rejects.toMatchObject({ code: 'cancelled' })
    for await (const _ of client.stream(contract.engineFollow, {})) break
    await expect.poll(() => ended).toBe(2)
    await client.close()
  })

  it('holds a stream back while its reader does not read, and goes on when it does', async () => {
    let produced = 0
    const text = 'x'.repeat(100_000)
    const { port, token } = await runningHost({
      engineFollow: async function* () {
        for (; produced < 1000; produced++) yield status(produced, text)
      },
    })
    const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers: bearer(token) })
    await new Promise((resolve) => ws.once('open', resolve))
    ws.pause()
    ws.send(JSON.stringify({ type: 'request', id: 1, route: 'engine.follow', input: {} }))
    // Sockets of the loopback interface hold a few megabytes by themselves; 1,000 events would be 100.
    let before = -1
    while (produced !== before) {
      before = produced
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    expect(produced).toBeGreaterThan(0)
    expect(produced).toBeLessThan(300)
    let received = 0
    const ended = new Promise<void>((resolve) =>
      ws.on('message', (data) => {
        if (JSON.parse(String(data)).type === 'end') resolve()
        else received += 1
      }),
    )
    ws.resume()
    await ended
    expect(received).toBe(1000)
    ws.close()
  })

  it('cancels a client’s work when its connection breaks', async () => {
    let aborted = false
    const { port, token } = await runningHost({
      modelsUnload: (_, { signal }) => new Promise(() => signal.addEventListener('abort', () => (aborted = true))),
    })
    const client = await connectTo(port, token)
    const answer = client.request(contract.modelsUnload, {})
    void client.close()
    await expect(answer).rejects.toMatchObject({ code: 'network' })
    await expect.poll(() => aborted).toBe(true)
  })

  it('drops a client that no longer answers, and keeps one that does', async () => {
    const dispatcher = createDispatcher({ handlers: handlersWith({}), log: pino({ level: 'silent' }) })
    const server = await serveHttp({ port: 0, token: 'secret', rendererDirectory: '.', dispatcher, pingMs: 30 })
    onTestFinished(() => server.close())
    const open = async (options: ClientOptions) => {
      const ws = new WebSocket(`ws://127.0.0.1:${server.port}/ws`, { headers: bearer('secret'), ...options })
      await new Promise((resolve) => ws.once('open', resolve))
      return ws
    }
    const mute = await open({ autoPong: false })
    const alive = await open({})
    await new Promise((resolve) => mute.once('close', resolve))
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(alive.readyState).toBe(WebSocket.OPEN)
    alive.close()
  })

  it('has room for so many connections and no more', async () => {
    const { port, token } = await runningHost({})
    const opened = await Promise.all(Array.from({ length: 64 }, () => connectTo(port, token)))
    expect(await tryOpening(port, { headers: bearer(token) })).toBe(503)
    await opened[0].close()
    await expect.poll(() => tryOpening(port, { headers: bearer(token) })).toBe('open ')
    await Promise.all(opened.map((client) => client.close()))
  })

  it.each([
    ['text that is no frame', 'hello', 1008],
    ['bytes', Buffer.from('{}'), 1003],
    ['a message beyond the limit', 'x'.repeat(64 * 1024 * 1024 + 1), 1009],
  ])('ends the connection on %s', async (_, data, code) => {
    const { port, token } = await runningHost({})
    const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers: bearer(token) })
    await new Promise((resolve) => ws.once('open', resolve))
    ws.on('error', () => undefined)
    ws.send(data)
    expect(await new Promise((resolve) => ws.once('close', resolve))).toBe(code)
  })
})
