/** How fast a count grows: an exponential average over time, so that neither a burst nor a pause makes it jump. */
const timeConstantMs = 4000
/** Shorter spans tell more of the clock than of the work. */
const shortestSpanMs = 200
/** So long may nothing be heard before it counts as standing still. */
const patienceMs = 1000

export class SmoothedRate {
  #perMs: number | null = null
  #done: number
  #at: number

  constructor(done: number, nowMs: number) {
    this.#done = done
    this.#at = nowMs
  }

  /** Takes note of the count at a time; both never go back. */
  sample(done: number, nowMs: number): void {
    const span = nowMs - this.#at
    if (span < shortestSpanMs) return
    const now = (done - this.#done) / span
    this.#perMs =
      this.#perMs === null ? now : this.#perMs + (now - this.#perMs) * (1 - Math.exp(-span / timeConstantMs))
    this.#done = done
    this.#at = nowMs
  }

  /** Per second; null while too little is known. */
  perSecond(nowMs: number): number | null {
    if (this.#perMs === null) return null
    const silence = Math.max(0, nowMs - this.#at - patienceMs)
    return this.#perMs * 1000 * Math.exp(-silence / timeConstantMs)
  }

  /** Milliseconds until `total`; null while unknown or standing still. */
  remainingMs(total: number | null, nowMs: number): number | null {
    const rate = this.perSecond(nowMs)
    if (total === null || rate === null || rate < 1e-9) return null
    return (Math.max(0, total - this.#done) / rate) * 1000
  }
}
