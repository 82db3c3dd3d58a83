/** Events that callbacks push and a loop reads. */
export class EventQueue<T> {
  private readonly events: T[] = []
  private ended = false
  private wake: (() => void) | null = null

  push(event: T): void {
    this.events.push(event)
    this.wake?.()
  }

  end(): void {
    this.ended = true
    this.wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      while (this.events.length > 0) yield this.events.shift()!
      if (this.ended) return
      await new Promise<void>((resolve) => (this.wake = resolve))
      this.wake = null
    }
  }
}

/** What `work` reports, as it reports it; then throws what it threw. */
export async function* reported<T>(work: (report: (event: T) => void) => Promise<void>): AsyncGenerator<T> {
  const queue = new EventQueue<T>()
  let failure: { thrown: unknown } | null = null
  const done = work((event) => queue.push(event)).then(
    () => queue.end(),
    (thrown: unknown) => {
      failure = { thrown }
      queue.end()
    },
  )
  yield* queue
  await done
  if (failure) throw (failure as { thrown: unknown }).thrown
}
