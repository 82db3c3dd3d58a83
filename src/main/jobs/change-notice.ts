/**
 * Lets readers sleep until a writer says that something changed. A reader looks at the state and, when there is nothing
 * for it, waits: both in one go, so no change falls between.
 */
export class ChangeNotice {
  readonly #sleepers = new Set<() => void>()

  announce(): void {
    for (const wake of [...this.#sleepers]) wake()
  }

  /** Resolves at the next announcement, or when the signal fires. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const wake = () => {
        this.#sleepers.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#sleepers.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }
}
