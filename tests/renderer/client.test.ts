import { expect, test } from 'vitest'
import { Client } from '../../src/renderer/api'
import { socketTransport, takeToken } from '../../src/renderer/api/socket-transport'
import { contract, type ClientFrame, type Endpoint, type HostFrame } from '../../src/shared/contract'
import { type HostState } from '../../src/shared/bridge'
import { aWorld, handlersFor } from './host/handlers'
import { TestHost } from './host/test-host'

/** A transport in the test's hands: what was sent, and what comes. */
function wire() {
  const sent: ClientFrame[] = []
  let answer: (frame: HostFrame) => void = () => {}
  let tell: (state: HostState) => void = () => {}
  const client = new Client({
    send: (frame) => void sent.push(frame),
    onFrame: (listener) => (answer = listener),
    onState: (listener) => (tell = listener),
  })
  return { sent, client, answer: (frame: HostFrame) => answer(frame), tell: (state: HostState) => tell(state) }
}

test('every endpoint is exported under the name its route has', () => {
  for (const [key, endpoint] of Object.entries(contract)) {
    const { name } = endpoint as Endpoint
    expect(name.replace(/\.(\w)/, (_, first: string) => first.toUpperCase())).toBe(key)
  }
})

test('routes answer with a value, streams with events, errors with their code', async () => {
  const world = aWorld()
  const { api } = new Client(new TestHost(handlersFor(world)))
  const conversation = await api.conversations.create({ title: '모루' })
  expect(conversation.title).toBe('모루')
  const kinds: string[] = []
  for await (const event of api.chat.send({ conversationId: conversation.id, parentId: null, text: 'hi' }))
    kinds.push(event.kind)
  expect(kinds[0]).toBe('started')
  expect(kinds.at(-1)).toBe('finished')
  expect(kinds).toContain('delta')
  await expect(api.conversations.get({ id: 'none' })).rejects.toMatchObject({ code: 'not_found' })
})

test('a call made before the host is there waits for it', async () => {
  const { client, sent, answer, tell } = wire()
  const models = client.api.models.list({})
  expect(sent).toEqual([])
  tell('ready')
  expect(sent).toEqual([{ type: 'request', id: 1, route: 'models.list', input: {} }])
  answer({ type: 'result', id: 1, value: [] })
  expect(await models).toEqual([])
})

test('what the loss of the host cut off fails as network, and later answers to it are ignored', async () => {
  const { client, answer, tell } = wire()
  tell('ready')
  const list = client.api.models.list({})
  const follow = client.api.jobs.follow({})[Symbol.asyncIterator]()
  const first = follow.next()
  tell('away')
  await expect(list).rejects.toMatchObject({ code: 'network' })
  await expect(first).rejects.toMatchObject({ code: 'network' })
  tell('ready')
  answer({ type: 'result', id: 1, value: [] })
})

test('aborting ends the call here and there', async () => {
  const { client, sent, tell } = wire()
  tell('ready')
  const stop = new AbortController()
  const call = client.api.models.get({ id: 'x' }, { signal: stop.signal })
  stop.abort()
  await expect(call).rejects.toMatchObject({ code: 'cancelled' })
  expect(sent.at(-1)).toEqual({ type: 'cancel', id: 1 })
})

test('leaving a stream before its end cancels it on the host', async () => {
  const { client, sent, answer, tell } = wire()
  tell('ready')
  const reading = (async () => {
    for await (const status of client.api.engine.follow({})) return status
  })()
  answer({ type: 'event', id: 1, value: { state: 'idle' } })
  expect(await reading).toEqual({ state: 'idle' })
  expect(sent.at(-1)).toEqual({ type: 'cancel', id: 1 })
})

test('the token is taken from the address once and kept for the tab', () => {
  sessionStorage.clear()
  const addresses: string[] = []
  const history = { state: null, replaceState: (_: unknown, __: string, url: URL) => addresses.push(url.href) }
  const at = (href: string) => takeToken({ href } as Location, sessionStorage, history as unknown as History)
  expect(at('http://127.0.0.1:9000/?token=s3cret#/models')).toBe('s3cret')
  expect(addresses).toEqual(['http://127.0.0.1:9000/#/models'])
  expect(at('http://127.0.0.1:9000/#/models')).toBe('s3cret')
  expect(addresses.length).toBe(1)
})

test('a socket that is refused is tried again and again, and says it is away only once it was there', async () => {
  const states: HostState[] = []
  const transport = socketTransport('ws://127.0.0.1:9/ws', 'token')
  transport.onState((state) => states.push(state))
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect(states).toEqual([])
})
