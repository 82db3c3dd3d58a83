/** A hub on loopback with the routes of the real one, and a second server of another origin that its LFS files redirect to. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface HubServerFile {
  content: Buffer
  lfs: boolean
}

/** What goes wrong with the next request for a file; each fault serves one request, in order. */
export type Fault =
  | { kind: 'drop'; after: number }
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  | { kind: 'corrupt' }
  | { kind: 'ignoreRange' }
  | { kind: 'etag'; etag: string }
  | { kind: 'tooLong' }
  | { kind: 'wrongSize' }
  | { kind: 'stall'; after: number }
  | { kind: 'slow'; bytesPerTick: number; tickMs: number }

export interface SeenRequest {
  server: 'hub' | 'cdn'
  path: string
  headers: IncomingMessage['headers']
}

export const commit = 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00'

export class HubServer {
  readonly repos = new Map<string, Map<string, HubServerFile>>()
  /** Faults by file path. */
  readonly faults = new Map<string, Fault[]>()
  /** Repositories that want this token. */
  readonly gated = new Map<string, string>()
  /** Answers given instead of the usual ones, by path without query. */
  readonly answers = new Map<string, { status?: number; headers?: Record<string, string>; body: string }>()
  readonly seen: SeenRequest[] = []
  /** Entries of the tree as listed, when they should differ from the truth. */
  readonly listedSizes = new Map<string, number>()
  readonly treePageSize = 3
  private readonly hub: Server
  private readonly cdn: Server

  private constructor() {
    this.hub = createServer((request, response) => void this.serveHub(request, response))
    this.cdn = createServer((request, response) => void this.serveCdn(request, response))
  }

  static async start(): Promise<HubServer> {
    const server = new HubServer()
    for (const one of [server.hub, server.cdn])
      await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', () => resolve()))
    return server
  }

  async stop(): Promise<void> {
    for (const one of [this.hub, this.cdn]) {
      one.closeAllConnections()
      await new Promise((resolve) => one.close(resolve))
    }
  }

  get url(): string {
    return origin(this.hub)
  }

  add(repo: string, path: string, content: Buffer, lfs = true): void {
    const files = this.repos.get(repo) ?? new Map<string, HubServerFile>()
    this.repos.set(repo, files.set(path, { content, lfs }))
  }

  fail(path: string, ...faults: Fault[]): void {
    this.faults.set(path, faults)
  }

  requests(server: 'hub' | 'cdn', part: string): SeenRequest[] {
    return this.seen.filter((request) => request.server === server && request.path.includes(part))
  }

  private async serveHub(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    this.seen.push({ server: 'hub', path: url.pathname, headers: request.headers })
    const answer = this.answers.get(url.pathname)
    if (answer) return void response.writeHead(answer.status ?? 200, answer.headers).end(answer.body)
    if (url.pathname === '/api/models') return this.search(url, response)
    const [, repo, route, rest] =
      /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/(.+)$/.exec(url.pathname) ??
      /^\/([^/]+\/[^/]+)\/(resolve)\/(.+)$/.exec(url.pathname) ??
      []
    const files = this.repos.get(repo)
    if (!files) return fail(response, 401, 'RepoNotFound')
    const token = this.gated.get(repo)
    if (token !== undefined && request.headers.authorization === undefined) return fail(response, 401, 'GatedRepo')
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
      return fail(response, 403, 'GatedRepo')
    if (route === 'revision') return json(response, { _id: '1', id: repo, sha: commit, lastModified: '2026-01-02' })
    if (route === 'tree') return this.tree(url, files, response)
    const path = decodeURIComponent(rest.slice(rest.indexOf('/') + 1))
    const file = files.get(path)
    if (!file) return fail(response, 404, 'EntryNotFound')
    if (!file.lfs) return this.serveFile(request, response, path, file.content)
    response.writeHead(302, { location: `${origin(this.cdn)}/blobs/${encodeURIComponent(`${repo}:${path}`)}` }).end()
  }

  private async serveCdn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = decodeURIComponent((request.url ?? '').slice('/blobs/'.length))
    const [repo, path] = [name.slice(0, name.indexOf(':')), name.slice(name.indexOf(':') + 1)]
    this.seen.push({ server: 'cdn', path, headers: request.headers })
    const file = this.repos.get(repo)?.get(path)
    if (!file) return fail(response, 404, 'EntryNotFound')
    return this.serveFile(request, response, path, file.content)
  }

  private search(url: URL, response: ServerResponse): void {
    const query = (url.searchParams.get('search') ?? '').toLowerCase()
    const names = [...this.repos.keys()].filter((name) => name.toLowerCase().includes(query))
    const models = names.map((id, i) => ({
      _id: String(i),
      id,
      downloads: 100 - i,
      likes: i,
      gated: this.gated.has(id) ? 'manual' : false,
      lastModified: '2026-01-02T03:04:05.000Z',
      tags: [...this.repos.get(id)!.keys()].flatMap((path) => [path.slice(path.lastIndexOf('.') + 1)]),
    }))
    json(response, models.slice(0, Number(url.searchParams.get('limit'))))
  }

  private tree(url: URL, files: Map<string, HubServerFile>, response: ServerResponse): void {
    const start = Number(url.searchParams.get('cursor') ?? 0)
    const entries = [...files].map(([path, { content, lfs }]) => ({
      type: 'file',
      path,
      size: this.listedSizes.get(path) ?? content.length,
      oid: createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex'),
      ...(lfs && {
        lfs: { oid: sha256(content), size: this.listedSizes.get(path) ?? content.length, pointerSize: 134 },
      }),
    }))
    entries.unshift({ type: 'directory', path: 'folder', size: 0, oid: commit })
    const next = start + this.treePageSize
    url.searchParams.set('cursor', String(next))
    const link = `<${url.href}>; rel="next"`
    json(response, entries.slice(start, next), next < entries.length ? { link } : {})
  }

  private async serveFile(request: IncomingMessage, response: ServerResponse, path: string, content: Buffer) {
    const fault = this.faults.get(path)?.shift()
    if (fault?.kind === 'status') return void response.writeHead(fault.status, fault.headers).end()
    const etag = fault?.kind === 'etag' ? fault.etag : `"${sha256(content).slice(0, 16)}"`
    const ifRange = request.headers['if-range']
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
    const resume = range !== null && fault?.kind !== 'ignoreRange' && (ifRange === undefined || ifRange === etag)
    const start = resume ? Number(range[1]) : 0
    if (resume && start >= content.length) return void response.writeHead(416, { etag }).end()
    let body = content.subarray(start)
    if (fault?.kind === 'corrupt') body = Buffer.from(body.map((byte) => byte ^ 1))
    if (fault?.kind === 'tooLong' || fault?.kind === 'wrongSize') body = Buffer.concat([body, Buffer.from('more')])
    const contentRange = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }
    const length = fault?.kind === 'tooLong' ? {} : { 'content-length': body.length }
    response.writeHead(resume ? 206 : 200, { etag, ...length, ...(resume && contentRange) })
    if (fault?.kind === 'drop') return void response.write(body.subarray(0, fault.after), () => response.destroy())
    if (fault?.kind === 'stall') return void response.write(body.subarray(0, fault.after))
    if (fault?.kind === 'slow') return trickle(response, body, fault)
    response.end(body)
  }
}

async function trickle(response: ServerResponse, body: Buffer, pace: { bytesPerTick: number; tickMs: number }) {
  for (let at = 0; at < body.length && !response.destroyed; at += pace.bytesPerTick) {
    response.write(body.subarray(at, at + pace.bytesPerTick))
    await sleep(pace.tickMs)
  }
  response.end()
}

export const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex')
const origin = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

function json(response: ServerResponse, value: unknown, headers: { link?: string } = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}

function fail(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-error-code': code }).end('{"error":"refused"}')
}
