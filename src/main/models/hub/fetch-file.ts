/**
 * One file from the hub into its place: written to NAME.part, taken up where it broke off, checked against size and hash,
 * and only then renamed. NAME.part.json says which content the part belongs to, so that a changed file starts anew.
 */
import { mkdir, stat } from 'node:fs/promises'
import { type IncomingMessage } from 'node:http'
import { dirname } from 'node:path'
import { PassThrough } from 'node:stream'
import { MoruError } from '../../../shared/errors'
import { quoted } from './names'
import { type Content, diskError, expectedHash, hashOf, PartFile } from './part-file'
import { type RetryPolicy, retrying, transientError } from './retry'
import { type HubResponse, type HubTransport, networkError } from './transport'

export interface FileTarget extends Content {
  /** Where the hub serves it; may redirect. */
  url: string
}

export interface FetchOptions {
  signal?: AbortSignal
  retry: RetryPolicy
  /** Bytes of this file that are there now; falls when a download starts anew. */
  onPosition: (bytes: number) => void
}

/**
 * @throws MoruError invalid_file for content that is not what the hub lists (the part is deleted), network when the
 * connection keeps failing (the part stays), io for the disk's errors, cancelled.
 */
export async function fetchFile(transport: HubTransport, target: FileTarget, options: FetchOptions): Promise<void> {
  await mkdir(dirname(target.destination), { recursive: true }).catch((error: unknown) => {
    throw diskError(error, target.destination)
  })
  if (await isComplete(target, options.signal)) return options.onPosition(target.sizeBytes)
  const part = await PartFile.open(target, options)
  try {
    await retrying(options.retry, options.signal, async (progressed) => {
      const before = part.size
      try {
        if (part.size < target.sizeBytes) await receive(transport, target, part, options)
      } finally {
        // A connection that always drops after a good piece still ends with the whole file.
        if (part.size - before >= Math.max(1, Math.min(1 << 20, target.sizeBytes / 100))) progressed()
      }
    })
    await part.finish()
  } finally {
    await part.close()
  }
}

/** Whether the file is in place already, from an earlier download: same size, same hash. */
async function isComplete(target: FileTarget, signal: AbortSignal | undefined): Promise<boolean> {
  const found = await stat(target.destination).catch(() => null)
  if (!found?.isFile() || found.size !== target.sizeBytes || expectedHash(target) === null) return false
  return (await hashOf(target, target.destination, signal)).digest('hex') === expectedHash(target)
}

/** One request: from the part's end if the server goes along, else from the start. */
async function receive(
  transport: HubTransport,
  target: FileTarget,
  part: PartFile,
  options: FetchOptions,
): Promise<void> {
  const what = `the file ${quoted(target.name)}`
  const headers: Record<string, string> = {}
  if (part.size > 0) headers.range = `bytes=${part.size}-`
  // If-Range takes strong validators only; without one, Content-Range and the hash at the end must do.
  if (part.size > 0 && part.etag && !part.etag.startsWith('W/')) headers['if-range'] = part.etag
  const request = { headers, signal: options.signal, what }
  const response = await transport.get(target.url, request)
  const { message, url } = response
  const body = received(message)
  const etag = message.headers.etag ?? null
  const changed = part.etag !== null && etag !== null && etag !== part.etag
  if (part.size > 0 && (message.statusCode !== 206 || changed)) {
    await part.restart()
    if (message.statusCode !== 200) {
      message.destroy()
      throw transientError(`${url.host} no longer continues ${what}; it starts anew.`, null)
    }
  }
  checkExtent(response, target, part.size)
  await part.begin(etag)
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) await part.append(chunk)
  } finally {
    message.destroy()
  }
  if (part.size === target.sizeBytes) return
  const reason = message.errored ?? new Error(`it broke off after ${part.size} of ${target.sizeBytes} bytes`)
  throw networkError(reason, url, request)
}

/**
 * A body up to where it ends or breaks off. A message of node:http throws away what it has received but not handed on
 * when its connection breaks; here that still reaches the part file. To be called before anything is awaited.
 */
function received(message: IncomingMessage): PassThrough {
  const body = new PassThrough({ highWaterMark: 1 << 20 })
  if (message.closed) body.end()
  else message.once('close', () => body.end())
  return message.pipe(body)
}

/** @throws MoruError when the answer is another piece, or of another size, than asked for. */
function checkExtent({ message, url }: HubResponse, target: FileTarget, start: number): void {
  const partial = message.statusCode === 206
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(message.headers['content-range'] ?? '') ?? []
  const length = message.headers['content-length']
  const whole = partial ? total : length
  const wrongStart = partial && Number(from) !== start
  const wrongSize = whole !== undefined && whole !== '*' && Number(whole) !== target.sizeBytes
  if (message.statusCode !== 416 && !wrongStart && !wrongSize) return
  message.destroy()
  const said = wrongSize
    ? `${whole} bytes`
    : `an answer ${message.statusCode} (${message.headers['content-range'] ?? 'no range'})`
  const text = `${url.host} sends ${said} for ${quoted(target.name)}, whose list says ${target.sizeBytes} bytes.`
  throw new MoruError('network', `${text} It may have changed on the hub just now: start the download again.`)
}
