import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { listHubFiles } from '../../../src/main/models/hub/catalog'
import { HubTransport } from '../../../src/main/models/hub/transport'
import { selfSigned } from './self-signed'

const identity = selfSigned()
const trusted = getCACertificates('default')
const servers: Server[] = []
const seen: { path: string; authorization: string | undefined }[] = []
let handshakesRefused = 0
/** Where the https server redirects to; null: it answers. */
let redirect: string | null = null

beforeEach(() => {
  seen.length = 0
  handshakesRefused = 0
  redirect = null
})
afterEach(async () => {
  setDefaultCACertificates(trusted)
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function listen<S extends Server>(server: S): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return (server.address() as AddressInfo).port
}

async function secureHub(): Promise<number> {
  const server = createServer(identity, (request, response) => {
    seen.push({ path: request.url ?? '', authorization: request.headers.authorization })
    if (redirect) response.writeHead(302, { location: redirect }).end()
    else response.writeHead(200).end('[{"type":"file","path":"a.gguf","size":3}]')
  })
  server.on('tlsClientError', () => handshakesRefused++)
  return listen(server)
}

const files = (port: number, proxy: string | null = null) => {
  const settings = { endpoint: `https://127.0.0.1:${port}`, proxy, token: 'secret' }
  return listHubFiles(new HubTransport(settings, { environment: {} }), 'org/model', 'main')
}

it('refuses a certificate that nobody vouches for, and does not ask again', async () => {
  const port = await secureHub()
  await expect(files(port)).rejects.toMatchObject({ code: 'network', message: expect.stringMatching(/self.signed/i) })
  await expect.poll(() => handshakesRefused).toBe(1)
  expect(seen).toEqual([])
})

it('speaks https to a hub with a good certificate', async () => {
  setDefaultCACertificates([...trusted, identity.cert])
  expect(await files(await secureHub())).toHaveLength(1)
  expect(seen[0].authorization).toBe('Bearer secret')
})

it('does not follow a redirect from https to http', async () => {
  setDefaultCACertificates([...trusted, identity.cert])
  const plain = createHttpServer((request, response) => {
    seen.push({ path: `plain ${request.url}`, authorization: request.headers.authorization })
    response.end('[]')
  })
  const port = await listen(plain)
  redirect = `http://127.0.0.1:${port}/elsewhere`
  await expect(files(await secureHub())).rejects.toMatchObject({
    message: expect.stringContaining('from https to http'),
  })
  expect(seen.map((request) => request.path).filter((path) => path.startsWith('plain'))).toEqual([])
})

it('reaches an https hub through the tunnel of a proxy, which sees no token; nothing stays open', async () => {
  setDefaultCACertificates([...trusted, identity.cert])
  const tunnels: string[] = []
  let closed = 0
  const proxy = createHttpServer()
  proxy.on('connect', (request, socket) => {
    tunnels.push(JSON.stringify([request.url, request.headers]))
    const [host, port] = (request.url ?? '').split(':')
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.pipe(socket).pipe(upstream)
    })
    upstream.on('error', () => socket.destroy())
    upstream.on('close', () => socket.resume())
    socket.on('error', () => upstream.destroy())
    socket.on('close', () => closed++)
  })
  const proxyPort = await listen(proxy)
  const port = await secureHub()
  expect(await files(port, `http://127.0.0.1:${proxyPort}`)).toHaveLength(1)
  expect(tunnels).toHaveLength(1)
  expect(tunnels[0]).toContain(`127.0.0.1:${port}`)
  expect(tunnels[0]).not.toContain('secret')
  await expect.poll(() => closed).toBe(1)
})
