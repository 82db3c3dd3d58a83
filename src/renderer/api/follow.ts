import type { Client } from './client'

const retryMs = 2_000

/**
 * Reads a stream for as long as the window lives: starts it whenever the host is there, and again when it ended.
 *
 * @param start opens the stream anew
 * @param onEvent called with each event
 */
export function followForever<T>(client: Client, start: () => AsyncIterable<T>, onEvent: (event: T) => void): void {
  let generation = 0
  async function run(mine: number) {
    while (mine === generation) {
      try {
        for await (const event of start()) onEvent(event)
      } catch {
        // The host's loss is told by the client's state; whatever else ended the stream, it is opened again.
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }
  client.onState((state) => {
    generation += 1
    if (state === 'ready') void run(generation)
  })
}
