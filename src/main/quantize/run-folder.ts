/** Where a run keeps what it has done, beside what it will write: a run that is stopped goes on there. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { MoruError } from '../../shared/errors'
import { type BlockOutcome, type RunState } from '../engine'

export class RunFolder {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** Opens the folder of `out`. `key` says what the run is of: what another one left is removed. Throws io. */
  static async open(out: string, key: string): Promise<RunFolder> {
    const folder = new RunFolder(`${out}.quantizing`)
    const known = await readFile(join(folder.path, 'run'), 'utf8').catch(() => null)
    if (known !== key) {
      await folder.remove()
      await guarded(folder.path, async () => {
        await mkdir(folder.path, { recursive: true })
        await folder.put('run', Buffer.from(key))
      })
    }
    return folder
  }

  /** Where the run was stopped; undefined at the beginning. */
  async state(layers: number): Promise<RunState | undefined> {
    const state = await this.get<RunState>('state')
    return state && Number.isInteger(state.layers) && state.layers <= layers ? state : undefined
  }

  /** The block first: a state without it would skip it. */
  async store(layer: number, outcome: BlockOutcome, state: RunState): Promise<void> {
    await guarded(this.path, async () => {
      await this.put(blockName(layer), serialize(outcome))
      await this.put('state', serialize(state))
    })
  }

  /** Throws io when it is not there. */
  async block(layer: number): Promise<BlockOutcome> {
    const outcome = await this.get<BlockOutcome>(blockName(layer))
    if (outcome) return outcome
    throw new MoruError('io', `${join(this.path, blockName(layer))} is missing: remove ${this.path} and start again.`)
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true })
  }

  private async put(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.path, name)
    await writeFile(`${path}.part`, bytes)
    await rename(`${path}.part`, path)
  }

  private async get<T>(name: string): Promise<T | undefined> {
    const bytes = await readFile(join(this.path, name)).catch(() => null)
    return bytes ? (deserialize(bytes) as T) : undefined
  }
}

const blockName = (layer: number): string => `block-${String(layer).padStart(4, '0')}`

/** A full disk said as such. */
async function guarded(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new MoruError('io', `The disk of ${dirname(path)} is full: make room, then start again; the run goes on where it was.`, { cause: thrown }) // prettier-ignore
    throw thrown
  }
}
