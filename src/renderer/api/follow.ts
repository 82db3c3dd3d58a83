import type { Client } from './client'

const retryMs = 2_000

/**
 * Reads a stream for as long as the window lives: starts it whenever the host is there, and again when it ended.
 *
 * @param start opens the stream anew; it is left when the signal fires
 * @param onEvent called with each event; the next one waits for it
 * @returns what ends it before
 */
export function followForever<T>(
  client: Client,
  start: (signal: AbortSignal) => AsyncIterable<T>,
  onEvent: (event: T) => void | Promise<void>,
): () => void {
  let generation = 0
  const left = new AbortController()
  async function run(mine: number) {
    while (mine === generation) {
      try {
        for await (const event of start(left.signal)) await onEvent(event)
      } catch {
        // The host's loss is told by the client's state; whatever else ended the stream, it is opened again.
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }
  const forget = client.onState((state) => {
    generation += 1
    if (state === 'ready') void run(generation)
  })
  return () => {
    forget()
    generation += 1
    left.abort()
  }
}
