/** When to start a host again after it died, and when to stop trying. */

export interface CrashLimits {
  /** Starts in a row that never became ready. */
  failedStarts: number
  /** Ends of any kind within a minute. */
  perMinute: number
}

const minuteMs = 60_000
const maxDelayMs = 4000

/**
 * The first restarts are immediate: a driver that lost its device once is usually back. A host that does not even come
 * up waits twice as long each time.
 */
export class Crashes {
  readonly #limits: CrashLimits
  #times: number[] = []
  #failedStarts = 0

  constructor(limits: Partial<CrashLimits> = {}) {
    this.#limits = { failedStarts: 5, perMinute: 30, ...limits }
  }

  ready(): void {
    this.#failedStarts = 0
  }

  clear(): void {
    this.#times = []
    this.#failedStarts = 0
  }

  /** Milliseconds to wait before the next start, or null to give up. */
  crashed(nowMs: number): number | null {
    this.#times = [...this.#times.filter((t) => t > nowMs - minuteMs), nowMs]
    // Until the next one is ready, this start counts as failed; the one that just died may have served for hours.
    this.#failedStarts += 1
    if (this.#failedStarts > this.#limits.failedStarts || this.#times.length > this.#limits.perMinute) return null
    return this.#failedStarts === 1 ? 0 : Math.min(125 * 2 ** (this.#failedStarts - 1), maxDelayMs)
  }
}
