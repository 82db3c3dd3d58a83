import { MoruError } from '../../shared/errors'

/** Lets one piece of work through at a time, in the order of asking. */
export class Turnstile {
  #waiting: (() => void)[] = []
  #busy = false

  /** @throws what the work throws; cancelled when the signal fires before its turn has come. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#enter(signal)
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  #enter(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting = this.#waiting.filter((w) => w !== enter)
        reject(new MoruError('cancelled', 'The work was cancelled before it began.'))
      }
      const enter = () => {
        signal?.removeEventListener('abort', giveUp)
        this.#busy = true
        resolve()
      }
      if (signal?.aborted) giveUp()
      else if (!this.#busy) enter()
      else {
        this.#waiting.push(enter)
        signal?.addEventListener('abort', giveUp, { once: true })
      }
    })
  }

  #leave(): void {
    this.#busy = false
    this.#waiting.shift()?.()
  }
}
