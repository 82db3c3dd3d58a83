import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fetchPage } from '../../../../src/main/rag/documents'
import { isPrivateAddress } from '../../../../src/main/rag/documents/web/private-address'

const page = '<!doctype html><title>모루</title><p>쇠를 두드린다.</p>'
const routes: Record<string, RequestListener> = {
  '/page.html': (_, response) => response.setHeader('content-type', 'text/html; charset=utf-8').end(page),
  '/zipped': (_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync(page)),
  '/bomb': (_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(5_000_000))),
  '/moved': (_, response) => response.writeHead(302, { location: '/page.html' }).end(),
  '/circle': (_, response) => response.writeHead(302, { location: '/circle' }).end(),
  '/file': (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  '/silent': () => undefined,
}
let server: Server
let base: string
beforeAll(async () => {
  server = createServer((request, response) => {
    const route = routes[request.url ?? '']
    if (route) route(request, response)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
const get = (path: string, options = {}) => fetchPage(base + path, { allowPrivate: true, ...options })

describe('fetchPage', () => {
  test('gives the bytes, the type and where they were found', async () => {
    const fetched = await get('/moved')
    expect(fetched).toMatchObject({
      url: `${base}/page.html`,
      name: 'page.html',
      contentType: 'text/html; charset=utf-8',
    })
    expect(Buffer.from(fetched.bytes).toString()).toBe(page)
    expect(Buffer.from((await get('/zipped')).bytes).toString()).toBe(page)
  })

  test('this machine and its network only after a yes, also by name', async () => {
    await expect(fetchPage(`${base}/page.html`)).rejects.toMatchObject({ code: 'unauthorized' })
    await expect(fetchPage(base.replace('127.0.0.1', 'localhost'))).rejects.toMatchObject({ code: 'unauthorized' })
    await expect(fetchPage('http://[::ffff:127.0.0.1]/')).rejects.toMatchObject({ code: 'unauthorized' })
    await expect(fetchPage('http://2130706433/')).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('size and time are bounded', async () => {
    await expect(get('/bomb', { maxBytes: 100_000 })).rejects.toMatchObject({ code: 'invalid_file' })
    await expect(get('/silent', { timeMs: 200 })).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('0.2 s'),
    })
    const cancel = new AbortController()
    const waiting = get('/silent', { signal: cancel.signal })
    cancel.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' })
  })

  test('what cannot be had is said', async () => {
    await expect(get('/nothing')).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('404') })
    await expect(get('/circle')).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('without end'),
    })
    await expect(get('/file')).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(fetchPage('ftp://example.com/')).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(fetchPage('no address')).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(fetchPage('http://127.0.0.1:1/', { allowPrivate: true })).rejects.toMatchObject({ code: 'network' })
  })
})

test('private addresses, however they are written', () => {
  const inside =
    '127.0.0.1 10.1.2.3 172.31.0.1 192.168.0.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 ::1 :: fe80::1 fd00::1 ::ffff:10.0.0.1 ::ffff:7f00:1 ::127.0.0.1 64:ff9b::10.0.0.1 2002:7f00:1:: nonsense'
  const outside = '8.8.8.8 172.32.0.1 1.1.1.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2001:4860:4860::8888'
  for (const address of inside.split(' ')) expect(isPrivateAddress(address), address).toBe(true)
  for (const address of outside.split(' ')) expect(isPrivateAddress(address), address).toBe(false)
})
