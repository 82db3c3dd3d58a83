import { createServer, type IncomingMessage, request as httpRequest, type Server } from 'node:http'
import { type AddressInfo } from 'node:net'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isUsable, listHubFiles, pinRevision, searchHub } from '../../../src/main/models/hub/catalog'
import { download } from '../../../src/main/models/hub/download'
import { type HubSettings, HubTransport } from '../../../src/main/models/hub/transport'
import { commit, HubServer, sha256 } from './hub-server'

let server: HubServer
let folder: string
const others: Server[] = []
beforeEach(async () => {
  server = await HubServer.start()
  folder = await mkdtemp(join(tmpdir(), 'moru-hub-'))
})
afterEach(async () => {
  await server.stop()
  for (const other of others.splice(0)) {
    other.closeAllConnections()
    await new Promise((resolve) => other.close(resolve))
  }
  await rm(folder, { recursive: true })
})

const transport = (settings: Partial<HubSettings> = {}, environment: NodeJS.ProcessEnv = {}) =>
  new HubTransport(
    { endpoint: server.url, proxy: null, token: null, ...settings },
    { environment, idleTimeoutMs: 2000 },
  )

const fetchFile = (from: HubTransport) =>
  download(from, { repo: 'org/model', revision: 'main', files: ['a.gguf'] }, { modelsFolder: folder, retry: { attempts: 2, baseMs: 5, maxMs: 100 }, onProgress: () => undefined }) // prettier-ignore

async function listen(handle: Parameters<typeof createServer>[1]): Promise<Server> {
  const other = createServer(handle as never)
  others.push(other)
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', () => resolve()))
  return other
}
const urlOf = (other: Server) => `http://127.0.0.1:${(other.address() as AddressInfo).port}`

describe('a search', () => {
  it('finds repositories with weights that Moru reads, most downloaded first', async () => {
    server.add('org/Tiny-GGUF', 'a.gguf', Buffer.alloc(1))
    server.add('org/tiny-onnx', 'a.onnx', Buffer.alloc(1))
    server.add('org/tiny-gated', 'b.gguf', Buffer.alloc(1))
    server.gated.set('org/tiny-gated', 'hf_x')
    const updatedAt = '2026-01-02T03:04:05.000Z'
    expect(await searchHub(transport(), 'TINY', 10)).toEqual([
      { repo: 'org/Tiny-GGUF', downloads: 100, likes: 0, updatedAt, gated: false },
      { repo: 'org/tiny-gated', downloads: 98, likes: 2, updatedAt, gated: true },
    ])
    expect(await searchHub(transport(), 'tiny', 1)).toHaveLength(1)
    expect(await searchHub(transport(), '한국어', 10)).toEqual([])
  })

  it.each([
    ['text', { body: '<html>login</html>' }, /other than JSON/],
    ['another shape', { body: '{"models": 1}' }, /unknown form/],
    ['a refusal', { status: 400, body: '{"error":"bad"}' }, /answered 400/],
    ['a giant', { body: `["${'x'.repeat(33 * 1024 * 1024)}"]` }, /over 33554432 bytes/],
  ])('answered with %s is one clear error', async (_what, answer, message) => {
    server.answers.set('/api/models', answer)
    await expect(searchHub(transport(), 'x', 5)).rejects.toMatchObject({ code: 'network', message: expect.stringMatching(message) }) // prettier-ignore
  })

  it('leaves out entries whose names are none', async () => {
    const entry = { _id: '1', downloads: 'many', likes: null, tags: ['gguf'], lastModified: 'yesterday' }
    const body = JSON.stringify([
      { ...entry, id: '../../etc' },
      { ...entry, id: 'org/ok' },
    ])
    server.answers.set('/api/models', { body })
    expect(await searchHub(transport(), 'x', 5)).toEqual([{ repo: 'org/ok', downloads: 0, likes: 0, updatedAt: null, gated: false }]) // prettier-ignore
  })

  it('ends when pages do not', async () => {
    const link = `<${server.url}/api/models?page=again>; rel="next"`
    server.answers.set('/api/models', { body: '[]', headers: { link } })
    await expect(searchHub(transport(), 'x', 5)).rejects.toMatchObject({ message: expect.stringContaining('pages') })
  })

  it('is cancelled at once', async () => {
    const silent = await listen(() => undefined)
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 50)
    const started = performance.now()
    await expect(searchHub(transport({ endpoint: urlOf(silent) }), 'x', 5, controller.signal)).rejects.toMatchObject({ code: 'cancelled' }) // prettier-ignore
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

describe('the files of a repository', () => {
  it('are listed over all pages, with sizes, hashes and whether Moru can load them', async () => {
    const content = Buffer.from('weights')
    const names = ['m-Q4_K_M.gguf', 'mmproj-f16.gguf', 'm-IQ2_XXS.gguf', 'config.json', 'model.safetensors', 'adapter_model.safetensors', 'onnx/model.safetensors', 'README.md'] // prettier-ignore
    for (const name of names) server.add('org/model', name, content, /gguf|safetensors/.test(name))
    const files = await listHubFiles(transport(), 'org/model', 'main')
    expect(files.map((file) => file.path)).toEqual(names)
    expect(files.filter((file) => file.usable).map((file) => file.path)).toEqual(['m-Q4_K_M.gguf', 'model.safetensors'])
    expect(files[0]).toMatchObject({ sizeBytes: 7, sha256: sha256(content), gitSha1: null })
    expect(files[3]).toMatchObject({ sha256: null, gitSha1: expect.stringMatching(/^[0-9a-f]{40}$/) })
    expect(isUsable('Q4_0/m-BF16-00001-of-00002.gguf', new Set())).toBe(true)
  })

  it('are those of one commit, whatever the revision is called', async () => {
    server.add('org/model', 'a.gguf', Buffer.alloc(1))
    expect(await pinRevision(transport(), 'org/model', 'main')).toBe(commit)
    await listHubFiles(transport(), 'org/model', 'refs/pr/1')
    expect(server.seen.at(-1)?.path).toBe('/api/models/org/model/tree/refs%2Fpr%2F1')
    for (const revision of ['../main', 'a..b', '?x', '#', 'a b', '-x', 'x/'])
      await expect(listHubFiles(transport(), 'org/model', revision)).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it('of a repository that is not there are an error that says so', async () => {
    await expect(listHubFiles(transport(), 'org/none', 'main')).rejects.toMatchObject({ code: 'not_found', message: expect.stringMatching(/"org\/none".*access token/) }) // prettier-ignore
  })

  it('are asked for again after 500 and 429', async () => {
    let refusals = 2
    const busy = await listen((_request: IncomingMessage, response) => {
      if (refusals-- > 0) response.writeHead(refusals ? 500 : 429, { 'retry-after': '0' }).end()
      else response.writeHead(200).end('[{"type":"file","path":"a.gguf","size":3,"oid":"x"}]')
    })
    expect(await listHubFiles(transport({ endpoint: urlOf(busy) }), 'org/model', 'main')).toHaveLength(1)
  })
})

describe('the access token', () => {
  beforeEach(() => {
    server.add('org/model', 'a.gguf', Buffer.from('gated weights'))
    server.gated.set('org/model', 'secret')
  })

  it('opens gated repositories and goes to the endpoint alone, not to where it redirects', async () => {
    await fetchFile(transport({ token: 'secret' }))
    expect(await readFile(join(folder, 'org/model/a.gguf'), 'utf8')).toBe('gated weights')
    expect(server.requests('hub', '/').every((request) => request.headers.authorization === 'Bearer secret')).toBe(true)
    expect(server.requests('cdn', '').map((request) => request.headers.authorization)).toEqual([undefined])
  })

  it('when it is missing or wrong, the error says what to do', async () => {
    await expect(fetchFile(transport())).rejects.toMatchObject({ code: 'unauthorized', message: expect.stringMatching(/gated.*store an access token in Settings/) }) // prettier-ignore
    await expect(fetchFile(transport({ token: 'wrong' }))).rejects.toMatchObject({ code: 'unauthorized', message: expect.stringMatching(/accept its terms.*account of the access token/) }) // prettier-ignore
    server.answers.set('/api/models/org/model/revision/main', { status: 401, body: '' })
    await expect(fetchFile(transport({ token: 'wrong' }))).rejects.toMatchObject({ message: expect.stringMatching(/not accepted/) }) // prettier-ignore
  })

  it('never shows in messages', async () => {
    const failed = await fetchFile(transport({ token: 'wrong-token' })).catch((error: unknown) => error)
    expect(JSON.stringify(failed) + String(failed)).not.toContain('wrong-token')
  })
})

describe('addresses', () => {
  it('a mirror may lie below a path', async () => {
    server.add('org/model', 'a.gguf', Buffer.from('x'))
    const mirror = await listen((request: IncomingMessage, response) => {
      const target = new URL((request.url ?? '').replace('/mirror/hf', ''), server.url)
      httpRequest(target, { headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
      }).end()
    })
    await fetchFile(transport({ endpoint: `${urlOf(mirror)}/mirror/hf/` }))
    expect(await readFile(join(folder, 'org/model/a.gguf'), 'utf8')).toBe('x')
  })

  it('that are none are refused', () => {
    expect(() => transport({ endpoint: 'ftp://x' })).toThrow(/hub endpoint/)
    expect(() => transport({ endpoint: 'x' })).toThrow(/hub endpoint/)
    expect(() => transport({ proxy: 'socks5://127.0.0.1:1' })).toThrow(/proxy/)
  })

  it('that redirect in a circle, or away from http, end in an error', async () => {
    const circle = await listen((_request: IncomingMessage, response) => response.writeHead(302, { location: '/again' }).end()) // prettier-ignore
    await expect(searchHub(transport({ endpoint: urlOf(circle) }), 'x', 1)).rejects.toMatchObject({ message: expect.stringContaining('redirects more than') }) // prettier-ignore
    const away = await listen((_request: IncomingMessage, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end()) // prettier-ignore
    await expect(searchHub(transport({ endpoint: urlOf(away) }), 'x', 1)).rejects.toMatchObject({ message: expect.stringContaining('not an http') }) // prettier-ignore
  })
})

describe('the proxy', () => {
  const through: string[] = []
  const forwardProxy = async () => {
    through.length = 0
    const proxy = await listen((request: IncomingMessage, response) => {
      through.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`)
      httpRequest(request.url ?? '', { headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
      }).end()
    })
    proxy.on('connect', (request, socket) => {
      through.push(`CONNECT ${request.url}`)
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    })
    return proxy
  }

  it('of the settings carries all traffic, with its own credentials', async () => {
    server.add('org/model', 'a.gguf', Buffer.from('x'))
    const proxy = urlOf(await forwardProxy()).replace('://', '://me:pass@')
    await fetchFile(transport({ proxy }))
    expect(through).toHaveLength(4)
    expect(through.every((line) => line.includes('http://127.0.0.1') && line.includes('Basic bWU6cGFzcw=='))).toBe(true)
  })

  it('tunnels https, and says what failed', async () => {
    const proxy = urlOf(await forwardProxy()).replace('://', '://me:pass@')
    const secure = transport({ endpoint: 'https://hub.invalid', proxy })
    await expect(pinRevision(secure, 'org/model', 'main')).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('hub.invalid') }) // prettier-ignore
    expect(through[0]).toBe('CONNECT hub.invalid:443')
    const failure = await pinRevision(secure, 'org/model', 'main').catch((error: unknown) => String(error))
    expect(failure).toContain('502')
    expect(failure).not.toContain('pass')
  })

  it('of the environment is used when the settings name none, and NO_PROXY is heeded', async () => {
    server.add('org/model', 'a.gguf', Buffer.from('x'))
    const proxy = urlOf(await forwardProxy())
    await listHubFiles(transport({}, { HTTP_PROXY: proxy }), 'org/model', 'main')
    expect(through).toHaveLength(1)
    await listHubFiles(transport({}, { HTTP_PROXY: proxy, NO_PROXY: '127.0.0.1' }), 'org/model', 'main')
    expect(through).toHaveLength(1)
  })
})
