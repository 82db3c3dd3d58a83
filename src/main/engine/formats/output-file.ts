/**
 * A file that is written aside and takes its name only when it is whole. What another process left behind when it was
 * killed is removed when the same file is written again.
 */
import { open, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { MoruError } from '../../../shared/errors'
import { figure } from './file-error'

let written = 0

/** Beside the file, so that the rename stays within one file system; the process's number tells whose it is. */
const asideName = (name: string): string => `.${name}.${process.pid}-${written++}.part`

/** A path aside of `destination`, free of leftovers; throws conflict where something has the name already. */
export async function reserveAside(destination: string): Promise<string> {
  const folder = dirname(destination)
  const name = basename(destination)
  await refuseExisting(destination)
  await removeLeftovers(folder, name)
  return join(folder, asideName(name))
}

/** Throws conflict where a file or a folder with something in it has the name. */
export async function refuseExisting(destination: string): Promise<void> {
  const found = await stat(destination).catch(() => null)
  if (!found) return
  if (found.isDirectory() && (await readdir(destination)).length === 0) return
  throw new MoruError('conflict', `${destination} exists already. Choose another name, or remove it first.`)
}

async function removeLeftovers(folder: string, name: string): Promise<void> {
  const names = await readdir(folder).catch((thrown: unknown) => {
    throw outputError(join(folder, name), thrown)
  })
  for (const other of names) {
    if (!other.startsWith(`.${name}.`)) continue
    const pid = /^(\d+)-\d+\.part$/.exec(other.slice(name.length + 2))?.[1]
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(folder, other), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return (thrown as { code?: string }).code === 'EPERM'
  }
}

/** Throws io when the file system that will hold `path` has less than `bytes` free. */
export async function demandSpace(path: string, bytes: number): Promise<void> {
  const space = await statfs(dirname(resolve(path))).catch(() => null)
  if (!space || bytes <= space.bavail * space.bsize) return
  throw new MoruError(
    'io',
    `${path} needs ${figure(bytes)} bytes, but its disk has only ${figure(space.bavail * space.bsize)} free. ` +
      'Free some space, or choose another disk.',
  )
}

/** A failed write for a person: a full disk is named as such. */
export function outputError(path: string, thrown: unknown): MoruError {
  if (thrown instanceof MoruError) return thrown
  const code = (thrown as { code?: string }).code
  const options = { cause: thrown }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new MoruError('io', `The disk is full: ${path} was not written, and nothing of it is left.`, options)
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new MoruError('not_found', `There is no folder ${dirname(path)} to write into.`, options)
  }
  if (code === 'EFBIG') return new MoruError('io', `${path} is larger than its disk allows; write shards.`, options)
  return new MoruError('io', `${path} cannot be written: ${(thrown as Error).message}.`, options)
}

export class OutputFile {
  /** Absolute path that the file will have. */
  readonly destination: string
  readonly #aside: string
  readonly #handle: FileHandle
  #open = true

  private constructor(destination: string, aside: string, handle: FileHandle) {
    this.destination = destination
    this.#aside = aside
    this.#handle = handle
  }

  /**
   * @param sizeBytes the length the file will have; what is never written stays zero
   * @throws MoruError conflict (the name is taken), not_found (no such folder), io (no space, no permission)
   */
  static async create(path: string, sizeBytes: number): Promise<OutputFile> {
    const destination = resolve(path)
    const aside = await reserveAside(destination)
    try {
      const handle = await open(aside, 'wx')
      const file = new OutputFile(destination, aside, handle)
      await handle.truncate(sizeBytes).catch(async (thrown: unknown) => {
        await file.discard()
        throw thrown
      })
      return file
    } catch (thrown) {
      throw outputError(destination, thrown)
    }
  }

  /** Writes all of `bytes` at `position`. @throws MoruError io */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done)
        done += bytesWritten
      }
    } catch (thrown) {
      throw outputError(this.destination, thrown)
    }
  }

  /** Makes sure that the disk has it. No writes after this. */
  async seal(): Promise<void> {
    try {
      await this.#handle.sync()
      await this.#close()
    } catch (thrown) {
      throw outputError(this.destination, thrown)
    }
  }

  /** Gives a sealed file its name. */
  async publish(): Promise<void> {
    await refuseExisting(this.destination)
    await rename(this.#aside, this.destination).catch((thrown: unknown) => {
      throw outputError(this.destination, thrown)
    })
  }

  /** Removes what was written; harmless after `publish`. */
  async discard(): Promise<void> {
    await this.#close()
    await rm(this.#aside, { force: true })
  }

  async #close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#handle.close()
  }
}
