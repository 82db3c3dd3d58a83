/** HTTP of the host: the window's files. Nothing here is secret; what needs the token goes over the WebSocket. */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { Hono } from 'hono'
import { contentSecurityPolicy, securityHeaders } from './security-headers'
import { findStaticFile } from './static-files'

export interface WebOptions {
  /** Folder of the built window. */
  root: string
  /** Whether a Host header names this server: any other is another site's name pointed at this machine. */
  isOwnHost: (host: string | undefined) => boolean
}

export function createWebApp({ root, isOwnHost }: WebOptions): Hono {
  const app = new Hono()
  app.use(async (context, next) => {
    const host = context.req.header('host')
    for (const [name, value] of Object.entries(securityHeaders)) context.header(name, value)
    // Not every browser counts a WebSocket of the same host as 'self'.
    const known = isOwnHost(host)
    context.header('content-security-policy', contentSecurityPolicy(known ? [`ws://${host}`] : []))
    if (!known) return context.text('This server answers under its loopback address only.\n', 421)
    if (context.req.method !== 'GET' && context.req.method !== 'HEAD')
      return context.text('Only GET and HEAD are answered here.\n', 405, { allow: 'GET, HEAD' })
    await next()
  })
  app.get('*', async (context) => {
    const file = await findStaticFile(root, rawPath(context.req.url))
    if (!file) return context.text('There is no such file.\n', 404)
    context.header('content-type', file.contentType)
    context.header('content-length', String(file.sizeBytes))
    context.header('cache-control', file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
    if (context.req.method === 'HEAD') return context.body(null)
    return context.body(Readable.toWeb(createReadStream(file.path)) as ReadableStream)
  })
  return app
}

/** The path as sent, percent-encoding kept. */
const rawPath = (url: string) => new URL(url).pathname
