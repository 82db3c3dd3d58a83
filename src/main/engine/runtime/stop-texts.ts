/** Holds text back while it may be the beginning of a stop text. */
export class StopTexts {
  private readonly stops: string[]
  private held = ''
  private stopped = false

  constructor(stops: string[]) {
    this.stops = stops
  }

  /** What is certain after `text`, and whether a stop text was met; from then on everything is swallowed. */
  push(text: string): { text: string; stopped: boolean } {
    if (this.stopped) return { text: '', stopped: true }
    this.held += text
    const found = this.stops.map((s) => this.held.indexOf(s)).filter((at) => at >= 0)
    if (found.length > 0) {
      this.stopped = true
      return { text: this.held.slice(0, Math.min(...found)), stopped: true }
    }
    const keep = Math.max(0, ...this.stops.map((s) => this.overlap(s)))
    const certain = this.held.slice(0, this.held.length - keep)
    this.held = this.held.slice(this.held.length - keep)
    return { text: certain, stopped: false }
  }

  /** What is still held, once nothing can follow. */
  flush(): string {
    const rest = this.stopped ? '' : this.held
    this.held = ''
    return rest
  }

  /** Length of the longest end of the held text that begins `stop`. */
  private overlap(stop: string): number {
    for (let n = Math.min(stop.length - 1, this.held.length); n > 0; n--)
      if (this.held.endsWith(stop.slice(0, n))) return n
    return 0
  }
}
