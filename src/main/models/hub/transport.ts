/**
 * HTTP to the hub and to wherever it redirects. node:http rather than fetch: its agents take a proxy each, so the setting
 * works at once and without a further dependency, and redirects are followed here, where the access token is kept to
 * the endpoint's own origin.
 */
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { quoted } from './names'
import { retryAfterMs, transientError } from './retry'

export interface HubSettings {
  /** Base address of the hub or a mirror, with or without a path. */
  endpoint: string
  /** http(s) proxy; null: what HTTP_PROXY, HTTPS_PROXY and NO_PROXY say. */
  proxy: string | null
  /** Access token; sent to the endpoint's origin and nowhere else. */
  token: string | null
}

export interface TransportOptions {
  /** Where the proxy variables are read when no proxy is set. */
  environment?: NodeJS.ProcessEnv
  /** Longest silence of a server before the connection counts as dropped. */
  idleTimeoutMs?: number
}

export interface HubRequest {
  headers?: Record<string, string>
  signal?: AbortSignal
  /** Names what is asked for in messages, e.g. `the file "a" of "b/c"`. */
  what: string
}

/** An answer whose body is still to be read, and the address that gave it after all redirects. */
export interface HubResponse {
  message: IncomingMessage
  url: URL
}

const maxRedirects = 8
/** A page of an answer in JSON is at most some hundred kilobytes; more is not the hub. */
const maxJsonBytes = 32 * 1024 * 1024

export class HubTransport {
  readonly endpoint: URL
  private readonly token: string | null
  private readonly idleTimeoutMs: number
  private readonly agents: { 'http:': http.Agent; 'https:': https.Agent }

  /** @throws MoruError invalid_input when endpoint or proxy are not http(s) addresses. */
  constructor(settings: HubSettings, options: TransportOptions = {}) {
    this.endpoint = httpAddress(settings.endpoint, 'The hub endpoint')
    this.endpoint.pathname = this.endpoint.pathname.replace(/\/+$/, '')
    this.token = settings.token
    this.idleTimeoutMs = options.idleTimeoutMs ?? 30_000
    const proxy = settings.proxy === null ? null : httpAddress(settings.proxy, 'The proxy').href
    const environment = options.environment ?? process.env
    const proxyEnv = proxy === null ? environment : { HTTP_PROXY: proxy, HTTPS_PROXY: proxy }
    try {
      this.agents = { 'http:': new http.Agent({ proxyEnv }), 'https:': new https.Agent({ proxyEnv }) }
    } catch (cause) {
      throw new MoruError('invalid_input', 'The proxy that HTTP_PROXY or HTTPS_PROXY names cannot be used.', { cause })
    }
  }

  /** An address below the endpoint. */
  url(path: string): string {
    return `${this.endpoint.origin}${this.endpoint.pathname.replace(/\/$/, '')}${path}`
  }

  /**
   * The answer to a GET after redirects; its body is not read yet and must be read or destroyed by the caller.
   * @throws MoruError for every status but 200, 206 and 416, and for a server that cannot be reached.
   */
  async get(address: string, request: HubRequest): Promise<HubResponse> {
    let url = httpAddress(address, 'The address')
    for (let hops = 0; hops <= maxRedirects; hops++) {
      throwIfCancelled(request.signal)
      const message = await this.send(url, request)
      const status = message.statusCode ?? 0
      if ([200, 206, 416].includes(status)) return { message, url }
      message.destroy()
      if (![301, 302, 303, 307, 308].includes(status))
        throw statusError(message, url, request.what, this.token !== null)
      url = redirectTarget(url, message.headers.location)
    }
    throw new MoruError('network', `${url.host} redirects more than ${maxRedirects} times for ${request.what}.`)
  }

  /** `fetch` as @huggingface/hub takes it: GET alone, bodies bounded, errors already ours. At most `pages` requests. */
  fetch(request: HubRequest, pages = 50): typeof fetch {
    let left = pages
    return async (input, init) => {
      if (left-- <= 0) throw new MoruError('network', `The hub's answer for ${request.what} has over ${pages} pages.`)
      const headers = Object.fromEntries(new Headers(init?.headers).entries())
      const response = await this.get(String(input), { ...request, headers })
      const body = await readAll(response, maxJsonBytes, request)
      try {
        JSON.parse(body)
      } catch (cause) {
        const message = `${this.endpoint.host} answered ${request.what} with something other than JSON. Is it a Hugging Face hub?`
        throw new MoruError('network', message, { cause })
      }
      const link = response.message.headers.link
      return new Response(body, {
        headers: { 'content-type': 'application/json', ...(link && { link: String(link) }) },
      })
    }
  }

  private send(url: URL, request: HubRequest): Promise<IncomingMessage> {
    const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'moru', ...request.headers }
    if (this.token !== null && url.origin === this.endpoint.origin) headers.authorization = `Bearer ${this.token}`
    const protocol = url.protocol as 'http:' | 'https:'
    return new Promise((resolve, reject) => {
      const options = { agent: this.agents[protocol], headers, signal: request.signal, timeout: this.idleTimeoutMs }
      const sent = (protocol === 'https:' ? https : http).get(url, options, (response) => {
        response.on('error', () => undefined) // told to whoever reads the body; without a reader it must not end the process
        resolve(response)
      })
      sent.on('timeout', () => sent.destroy(new Error(`nothing was heard for ${this.idleTimeoutMs / 1000} s`)))
      sent.on('error', (error) => reject(networkError(error, url, request)))
    })
  }
}

/** Where a redirect leads. Going from https to http would let anyone on the way see and change what comes. */
function redirectTarget(from: URL, location: string | undefined): URL {
  if (!location || !URL.canParse(location, from))
    throw new MoruError('network', `${from.host} redirects to ${quoted(location ?? '')}, which is not an address.`)
  const to = httpAddress(new URL(location, from).href, `What ${from.host} redirects to`)
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw new MoruError(
      'network',
      `${from.host} redirects from https to http (${to.host}), which Moru does not follow.`,
    )
  return to
}

function httpAddress(text: string, what: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url
  throw new MoruError('invalid_input', `${what} ${quoted(text)} is not an http or https address.`)
}

/** A failed connection or a body that broke off, as an error worth another try. */
export function networkError(error: unknown, url: URL, request: HubRequest): MoruError {
  if (request.signal?.aborted) return new MoruError('cancelled', 'The work was cancelled.', { cause: error })
  if (error instanceof MoruError) return error
  const { code, message } = error as { code?: string; message?: string }
  // A failed tunnel is told with the proxy's whole address, the password included.
  const reason = (message ?? String(error)).replace(/\/\/[^/@\s]*@/g, '//')
  const why = code && !reason.includes(code) ? `${code}: ${reason}` : reason
  const hint = 'Check the connection, and the hub endpoint and proxy in Settings.'
  const text = `${url.host} could not be reached for ${request.what} (${why}). ${hint}`
  // A certificate does not become valid by asking again.
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(code ?? '')) return new MoruError('network', text, { cause: error })
  return transientError(text, null, error)
}

function statusError(response: IncomingMessage, url: URL, what: string, hasToken: boolean): MoruError {
  const status = response.statusCode ?? 0
  const reason = String(response.headers['x-error-code'] ?? '')
  if (reason === 'RepoNotFound' || status === 404) {
    const private_ = hasToken ? '' : ' A private one needs an access token (Settings).'
    return new MoruError('not_found', `${url.host} has no ${what.replace(/^the /, '')}.${private_}`)
  }
  if (reason === 'GatedRepo' || status === 403) {
    const terms = 'It is gated or private: accept its terms on its page'
    const token = hasToken
      ? 'with the account of the access token in Settings'
      : 'and store an access token in Settings'
    return new MoruError('unauthorized', `${url.host} refuses ${what} (${status}). ${terms}, ${token}.`)
  }
  if (status === 401) {
    const token = hasToken ? 'The access token in Settings is not accepted' : 'It needs an access token (Settings)'
    return new MoruError('unauthorized', `${url.host} refuses ${what} (401). ${token}.`)
  }
  if (status === 429 || status >= 500 || status === 408) {
    const wait = retryAfterMs(response.headers['retry-after'])
    const asks = wait === null ? '' : ` and asks to wait ${Math.ceil(wait / 1000)} s`
    return transientError(`${url.host} answered ${status}${asks} for ${what}. Try again later.`, wait)
  }
  return new MoruError('network', `${url.host} answered ${status} for ${what}.`)
}

async function readAll(response: HubResponse, maxBytes: number, request: HubRequest): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response.message as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxBytes) throw new MoruError('network', `The answer for ${request.what} is over ${maxBytes} bytes.`)
      chunks.push(chunk)
    }
  } catch (error) {
    throw networkError(error, response.url, request)
  }
  return Buffer.concat(chunks).toString('utf8')
}
