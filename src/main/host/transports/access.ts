/**
 * Who may open a connection. The token keeps other users and programs of the machine out, the Origin check web pages,
 * and the Host check pages that have pointed a name of theirs at the loopback address (DNS rebinding).
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { type IncomingMessage } from 'node:http'

export interface Access {
  token: string
  /** The port that clients must name in their Host header. */
  port: () => number
}

const loopbackNames = ['127.0.0.1', 'localhost', '[::1]']

/** Whether a Host header names this server by a loopback name and its own port. */
export function isOwnHost(host: string | undefined, port: number): boolean {
  return host !== undefined && loopbackNames.some((name) => host.toLowerCase() === `${name}:${port}`)
}

/** Why an upgrade request is refused, as an HTTP status line, or null when it may pass. */
export function refusal(request: IncomingMessage, access: Access): string | null {
  const { host, origin } = request.headers
  if (!isOwnHost(host, access.port())) return '421 Misdirected Request'
  if (request.url?.split('?')[0] !== '/ws') return '404 Not Found'
  // Programs send no Origin; a page must have come from this very server.
  if (origin !== undefined && origin.toLowerCase() !== `http://${host?.toLowerCase()}`) return '403 Forbidden'
  return hasToken(request, access.token) ? null : '401 Unauthorized'
}

/** The token is in `Authorization: Bearer` or, where a browser cannot set headers, a subprotocol 'token.<token>'. */
function hasToken(request: IncomingMessage, token: string): boolean {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((p) => p.trim())
  const given = [bearer, ...protocols.filter((p) => p.startsWith('token.')).map((p) => p.slice('token.'.length))]
  return given.some((candidate) => candidate !== undefined && sameText(candidate, token))
}

/** Equality in a time that depends on neither text's content nor their lengths. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
