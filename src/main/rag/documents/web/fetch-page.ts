import { lookup } from 'node:dns'
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { MoruError, throwIfCancelled } from '../../../../shared/errors'
import { isPrivateAddress } from './private-address'

export interface FetchOptions {
  /** A person has said yes to this machine's own and its network's addresses. */
  allowPrivate?: boolean
  /** Of the unpacked answer. */
  maxBytes?: number
  /** For everything, redirects included. */
  timeMs?: number
  signal?: AbortSignal
}

/** Ready for DocumentParser.parseDocument. */
export interface FetchedPage {
  /** Where it was found after redirects. */
  url: string
  bytes: Uint8Array
  name: string
  contentType: string
}

const maxRedirects = 5
const agentName = 'Mozilla/5.0 (compatible; Moru)'

/**
 * The document at an http or https address. Every address on the way, redirects and name resolution included, is checked
 * before a connection is made, and the connection goes to the very address that was checked.
 * Throws `invalid_input`, `unauthorized` (a private address without leave), `network`, `invalid_file` (too large), `cancelled`.
 */
export async function fetchPage(address: string, options: FetchOptions = {}): Promise<FetchedPage> {
  const { maxBytes = 20 * 2 ** 20, timeMs = 30_000, signal } = options
  const timeout = AbortSignal.timeout(timeMs)
  const either = signal ? AbortSignal.any([signal, timeout]) : timeout
  let url = checkedUrl(address)
  try {
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const response = await open(url, options.allowPrivate ?? false, either)
      const next = redirect(response, url)
      if (!next) return await page(response, url, maxBytes, either)
      response.destroy()
      url = next
    }
  } catch (error) {
    throwIfCancelled(signal)
    if (timeout.aborted)
      throw new MoruError('network', `${url.host} did not answer within ${timeMs / 1000} s.`, { cause: error })
    throw error instanceof MoruError ? error : unreachable(url, error)
  }
  throw new MoruError('network', `${address} leads from address to address without end.`)
}

function checkedUrl(address: string, base?: URL): URL {
  const url = URL.parse(address, base)
  if (!url) throw new MoruError('invalid_input', `${address.slice(0, 200)} is not an address.`)
  if (!/^https?:$/.test(url.protocol))
    throw new MoruError('invalid_input', `Only http and https addresses can be added, not ${url.protocol}`)
  if (url.username || url.password)
    throw new MoruError('invalid_input', 'The address holds a user name or password. Leave them out.')
  return url
}

function redirect(response: IncomingMessage, from: URL): URL | null {
  const { statusCode = 0, headers } = response
  return [301, 302, 303, 307, 308].includes(statusCode) && headers.location ? checkedUrl(headers.location, from) : null
}

function open(url: URL, allowPrivate: boolean, signal: AbortSignal): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (!allowPrivate && isIP(host) && isPrivateAddress(host)) throw refused(url)
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const headers = {
      'user-agent': agentName,
      accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
      'accept-encoding': 'gzip, br',
    }
    const sent: ClientRequest = request(
      url,
      { headers, signal, agent: false, lookup: allowPrivate ? undefined : publicLookup(url) },
      resolve,
    )
    sent.once('error', reject)
    sent.end()
  })
}

/** Name resolution that refuses names of which any address is private. */
const publicLookup =
  (url: URL): LookupFunction =>
  (hostname, options, callback) => {
    // This machine by definition (RFC 6761), whatever a resolver says or does not.
    if (/(^|\.)localhost\.?$/i.test(hostname)) return callback(refused(url), [])
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [])
      if (addresses.some(({ address }) => isPrivateAddress(address))) return callback(refused(url), [])
      if (options.all) callback(null, addresses)
      else callback(null, addresses[0].address, addresses[0].family)
    })
  }

async function page(response: IncomingMessage, url: URL, maxBytes: number, signal: AbortSignal): Promise<FetchedPage> {
  const { statusCode = 0, headers } = response
  if (statusCode !== 200) {
    response.destroy()
    throw new MoruError('network', `${url.host} answered ${statusCode} for ${url.pathname}.`)
  }
  const chunks: Buffer[] = []
  let size = 0
  const collect = async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) {
      size += chunk.length
      if (size > maxBytes)
        throw new MoruError(
          'invalid_file',
          `${url.host} sends more than ${Math.round(maxBytes / 2 ** 20)} MB for this page.`,
        )
      chunks.push(chunk)
    }
  }
  const unpack = decoder(headers['content-encoding'])
  if (unpack) await pipeline(response, unpack, collect, { signal })
  else await pipeline(response, collect, { signal })
  return { url: url.href, bytes: Buffer.concat(chunks), name: nameOf(url), contentType: headers['content-type'] ?? '' }
}

function decoder(encoding = '') {
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip()
  if (encoding === 'br') return createBrotliDecompress()
  return encoding === 'deflate' ? createInflate() : null
}

/** The last part of the path, else the host. */
function nameOf(url: URL): string {
  const last = url.pathname.split('/').filter(Boolean).at(-1)
  try {
    return last ? decodeURIComponent(last) : url.hostname
  } catch {
    return last ?? url.hostname
  }
}

const refused = (url: URL) =>
  new MoruError(
    'unauthorized',
    `${url.host} leads to this machine or its own network. Add it only if you trust it, and say so.`,
  )

function unreachable(url: URL, thrown: unknown): MoruError {
  const { code, message } = thrown as NodeJS.ErrnoException
  const why = code === 'ENOTFOUND' ? 'there is no such host' : message || code || 'no answer'
  return new MoruError('network', `${url.host} cannot be reached: ${why}.`, { cause: thrown })
}
