/** Notices changes below folders, once they have settled. */
import { type FSWatcher, watch } from 'node:fs'
import { sep } from 'node:path'
import { isIgnored } from './walk'

/** Programs write a file in several steps: so long nothing may happen before it counts as done. */
const settleMs = 1500
/** Where something happens all the time, a look is taken this often nevertheless. */
const patienceMs = 30_000

export class FolderWatch {
  readonly #watchers: FSWatcher[] = []
  readonly #onChange: () => void
  #timer: NodeJS.Timeout | undefined
  #firstAt = 0

  /** `onTrouble`: a root could not be watched or is no longer; its changes are noticed at the next start only. */
  constructor(roots: readonly string[], onChange: () => void, onTrouble: (root: string, error: Error) => void) {
    this.#onChange = onChange
    for (const root of roots) {
      try {
        const watcher = watch(root, { recursive: true, persistent: false }, (_, name) => this.#noticed(name))
        watcher.on('error', (error) => {
          watcher.close()
          onTrouble(root, error)
        })
        this.#watchers.push(watcher)
      } catch (error) {
        onTrouble(root, error as Error)
      }
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    for (const watcher of this.#watchers) watcher.close()
  }

  #noticed(name: string | null): void {
    if (name?.split(sep).some(isIgnored)) return
    const now = performance.now()
    if (this.#timer === undefined) this.#firstAt = now
    clearTimeout(this.#timer)
    const wait = Math.max(0, Math.min(settleMs, this.#firstAt + patienceMs - now))
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#onChange()
    }, wait)
    this.#timer.unref()
  }
}
