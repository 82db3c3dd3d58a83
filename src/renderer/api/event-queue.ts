/** Events that arrive whenever they like, read one after another. */
export class EventQueue<T> implements AsyncIterable<T> {
  private readonly waiting: T[] = []
  private wake: (() => void) | null = null
  private ended = false
  private failure: unknown = null
  private readonly onLeave: () => void

  /** @param onLeave called once when the reader leaves before the end */
  constructor(onLeave: () => void) {
    this.onLeave = onLeave
  }

  push(event: T): void {
    this.waiting.push(event)
    this.wake?.()
  }

  end(failure: unknown = null): void {
    this.ended = true
    this.failure = failure
    this.wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    try {
      for (;;) {
        while (this.waiting.length > 0) yield this.waiting.shift() as T
        if (this.ended) break
        await new Promise<void>((resolve) => (this.wake = resolve))
        this.wake = null
      }
      if (this.failure !== null) throw this.failure
    } finally {
      if (!this.ended) this.onLeave()
    }
  }
}
