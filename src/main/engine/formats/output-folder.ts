/** A folder that is filled aside and takes its name only when everything in it is whole. */
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { MoruError } from '../../../shared/errors'
import { outputError, refuseExisting, reserveAside } from './output-file'

export class OutputFolder {
  /** Absolute path that the folder will have. */
  readonly destination: string
  /** Where its files are to be written until then. */
  readonly path: string

  private constructor(destination: string, path: string) {
    this.destination = destination
    this.path = path
  }

  /** @throws MoruError conflict (the name is taken by a file or a folder that holds something), not_found, io */
  static async create(path: string): Promise<OutputFolder> {
    const destination = resolve(path)
    const aside = await reserveAside(destination)
    await mkdir(aside).catch((thrown: unknown) => {
      throw outputError(destination, thrown)
    })
    return new OutputFolder(destination, aside)
  }

  /** A small file of the folder, such as config.json; its name may lead through folders that are made for it. */
  async write(name: string, contents: string | Uint8Array): Promise<void> {
    const path = join(this.path, name)
    try {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, contents)
    } catch (thrown) {
      throw outputError(join(this.destination, name), thrown)
    }
  }

  async writeJson(name: string, value: unknown): Promise<void> {
    await this.write(name, `${JSON.stringify(value, null, 2)}\n`)
  }

  /** Fills the folder and gives it its name; nothing is left where that fails. Errors name it as it would have been named. */
  async filledBy<T>(work: () => Promise<T>): Promise<T> {
    try {
      const done = await work()
      await this.publish()
      return done
    } catch (thrown) {
      await this.discard()
      if (!(thrown instanceof MoruError)) throw thrown
      const { code, message, details } = thrown
      throw new MoruError(code, message.replaceAll(this.path, this.destination), { details, cause: thrown })
    }
  }

  /** Gives the folder its name; an empty folder that has it gives way. */
  private async publish(): Promise<void> {
    await refuseExisting(this.destination)
    try {
      const handle = await open(this.path)
      await handle.sync().finally(() => handle.close())
      await rename(this.path, this.destination)
    } catch (thrown) {
      throw outputError(this.destination, thrown)
    }
  }

  private async discard(): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}
