/** The unfinished file of a download: its bytes, their running hash, and the record that lets a later try go on. */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { quoted } from './names'

/** What a file must hold, and where it goes. */
export interface Content {
  /** Path inside the repository, for messages. */
  name: string
  destination: string
  sizeBytes: number
  /** SHA-256 of the content, or git's SHA-1 of it as a blob; where the hub tells neither, the size alone is checked. */
  sha256: string | null
  gitSha1: string | null
}

export interface PartOptions {
  signal?: AbortSignal
  onPosition: (bytes: number) => void
}

const partRecord = z.object({ identity: z.string(), etag: z.string().nullable() })

export class PartFile {
  /** Bytes that are there and hashed. */
  size = 0
  /** What the server called this state of the file when it sent the first bytes. */
  etag: string | null = null
  private readonly path: string
  private readonly recordPath: string
  private readonly content: Content
  private readonly options: PartOptions
  private handle: FileHandle | null = null
  private hash: Hash

  private constructor(content: Content, options: PartOptions) {
    this.content = content
    this.options = options
    this.path = `${content.destination}.part`
    this.recordPath = `${content.destination}.part.json`
    this.hash = startHash(content)
  }

  /** Takes up the part that an earlier try left for the same content, else begins an empty one. */
  static async open(content: Content, options: PartOptions): Promise<PartFile> {
    const part = new PartFile(content, options)
    const record = await readFile(part.recordPath, 'utf8').then(parseRecord, () => null)
    const found = await stat(part.path).catch(() => null)
    const continues = record?.identity === identityOf(content) && found !== null && found.size <= content.sizeBytes
    if (record && continues) {
      part.hash = await hashOf(content, part.path, options.signal)
      part.size = found.size
      part.etag = record.etag
    }
    options.onPosition(part.size)
    return part
  }

  /** Forgets what is there: the server no longer continues it. */
  async restart(): Promise<void> {
    await this.close()
    this.size = 0
    this.etag = null
    this.hash = startHash(this.content)
    this.options.onPosition(0)
  }

  /** Notes which content, in the server's words, the bytes to come belong to. Before the bytes, so that none lack it. */
  async begin(etag: string | null): Promise<void> {
    try {
      if (this.size === 0 || etag !== this.etag) {
        this.etag = etag
        await writeFile(this.recordPath, JSON.stringify({ identity: identityOf(this.content), etag }))
      }
      this.handle ??= await open(this.path, this.size > 0 ? 'r+' : 'w')
    } catch (error) {
      throw diskError(error, this.path)
    }
  }

  /** @throws MoruError invalid_file when more comes than the file should have, io for the disk's errors. */
  async append(chunk: Buffer): Promise<void> {
    throwIfCancelled(this.options.signal)
    const { name, sizeBytes } = this.content
    if (this.size + chunk.length > sizeBytes)
      await this.refuse(`sent more than the ${sizeBytes} bytes it lists for`, name)
    try {
      for (let done = 0; done < chunk.length;) {
        const left = chunk.length - done
        done += (await this.handle!.write(chunk, done, left, this.size + done)).bytesWritten
      }
    } catch (error) {
      throw diskError(error, this.path)
    }
    this.hash.update(chunk)
    this.size += chunk.length
    this.options.onPosition(this.size)
  }

  /** Checks the hash, makes sure that the bytes are on the disk, and gives the file its name. */
  async finish(): Promise<void> {
    const expected = expectedHash(this.content)
    const actual = this.hash.digest('hex')
    if (expected !== null && actual !== expected)
      await this.refuse(`sent other bytes (hash ${actual}, expected ${expected}) than it lists for`, this.content.name)
    try {
      this.handle ??= await open(this.path, this.size > 0 ? 'r+' : 'w')
      await this.handle.sync()
      await this.close()
      await rename(this.path, this.content.destination)
      await rm(this.recordPath, { force: true })
    } catch (error) {
      throw diskError(error, this.content.destination)
    }
  }

  async close(): Promise<void> {
    const handle = this.handle
    this.handle = null
    await handle?.close()
  }

  private async refuse(what: string, name: string): Promise<never> {
    await this.close()
    await rm(this.path, { force: true })
    await rm(this.recordPath, { force: true })
    const message = `The hub ${what} ${quoted(name)}. What came was deleted; start the download again.`
    throw new MoruError('invalid_file', message)
  }
}

function parseRecord(text: string) {
  try {
    return partRecord.parse(JSON.parse(text))
  } catch {
    return null
  }
}

export const expectedHash = (content: Content) => content.sha256 ?? content.gitSha1
const identityOf = (content: Content) => `${expectedHash(content) ?? 'unknown'}:${content.sizeBytes}`

/** SHA-256, or what git hashes: "blob SIZE\0" before the content. */
function startHash({ sha256, gitSha1, sizeBytes }: Content): Hash {
  const git = sha256 === null && gitSha1 !== null
  return git ? createHash('sha1').update(`blob ${sizeBytes}\0`) : createHash('sha256')
}

/** The running hash of a content after all bytes of a file. */
export async function hashOf(content: Content, path: string, signal: AbortSignal | undefined): Promise<Hash> {
  const hash = startHash(content)
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash
}

/** An error of the file system, said so that a person can act on it. */
export function diskError(error: unknown, path: string): MoruError {
  if (error instanceof MoruError) return error
  const { code, message } = error as { code?: string; message: string }
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  const why = full
    ? 'The disk is full. Free some space and start the download again: it goes on where it stopped.'
    : message
  return new MoruError('io', `${path} could not be written. ${why}`, { cause: error })
}
