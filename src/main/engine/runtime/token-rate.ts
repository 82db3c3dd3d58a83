/** Tokens a second, as a status line shows them. */
export class TokenRate {
  /** Over the last half second or so; null before there was one. */
  perSecond: number | null = null
  private tokens = 0
  private since = 0

  /** Call it at every token. */
  count(): void {
    const now = performance.now()
    if (now - this.since > 2000) this.begin(now)
    this.tokens++
    if (now - this.since < 500) return
    this.perSecond = (this.tokens * 1000) / (now - this.since)
    this.begin(now)
  }

  private begin(now: number): void {
    this.tokens = 0
    this.since = now
  }
}
