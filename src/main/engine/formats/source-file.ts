/** A regular file opened for reading, with its size fixed at the time of opening. */
import { open, stat, type FileHandle } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { MoruError } from '../../../shared/errors'

export class SourceFile {
  /** Absolute. */
  readonly path: string
  readonly sizeBytes: number
  /** The same for two paths that lead to the same file. */
  readonly identity: string
  readonly #handle: FileHandle

  private constructor(path: string, handle: FileHandle, sizeBytes: number, identity: string) {
    this.path = path
    this.sizeBytes = sizeBytes
    this.identity = identity
    this.#handle = handle
  }

  /** Throws not_found where there is nothing, invalid_input for what is no regular file, io where reading is denied. */
  static async open(path: string): Promise<SourceFile> {
    const absolute = resolve(path)
    try {
      // Looked at before it is opened: opening a named pipe would wait for a writer for ever.
      const info = await stat(absolute, { bigint: true })
      if (!info.isFile()) throw new MoruError('invalid_input', `${absolute} is not a file.`)
      return new SourceFile(absolute, await open(absolute, 'r'), Number(info.size), `${info.dev}:${info.ino}`)
    } catch (thrown) {
      throw openError(absolute, thrown)
    }
  }

  /** Fills `target` from `position` on. Throws invalid_file when the file ends before: it was cut since it was opened. */
  async readInto(target: Uint8Array, position: number): Promise<void> {
    let done = 0
    while (done < target.length) {
      const { bytesRead } = await this.#handle.read(target, done, target.length - done, position + done)
      if (bytesRead === 0) {
        throw new MoruError(
          'invalid_file',
          `${basename(this.path)} ended at byte ${position + done}, though it had ${this.sizeBytes} bytes when it was ` +
            'opened. Something else is writing to it: wait for that to end, then load it again.',
        )
      }
      done += bytesRead
    }
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

function openError(path: string, thrown: unknown): MoruError {
  if (thrown instanceof MoruError) return thrown
  const code = (thrown as { code?: string }).code
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new MoruError('not_found', `There is no file ${path}.`, { cause: thrown })
  }
  const reason = thrown instanceof Error ? thrown.message : String(thrown)
  return new MoruError('io', `${path} cannot be read: ${reason}.`, { cause: thrown })
}
