/** Who waits for room in the key/value cache: first come, first served, so that nobody waits for ever. */
import { MoruError } from '../../../shared/errors'

export interface Waiting {
  /** A sequence, of which only so many run at a time; else work that only wants blocks. */
  sequence: boolean
  /** Blocks it may come to need. */
  blocks: number
  /** It was cancelled: it leaves the queue unasked. */
  ended(): boolean
  admit(): void
  fail(error: Error): void
}

export class AdmissionQueue {
  private waiting: Waiting[] = []
  private readonly fits: (blocks: number, sequence: boolean) => boolean

  /** `fits` tells whether so many blocks can be promised now. */
  constructor(fits: (blocks: number, sequence: boolean) => boolean) {
    this.fits = fits
  }

  get sequences(): number {
    return this.waiting.filter((w) => w.sequence).length
  }

  push(waiting: Waiting): void {
    this.waiting.push(waiting)
  }

  /** Waits for `count` blocks, which `take` takes. Throws cancelled, and what `fail` was given. */
  blocks(count: number, signal: AbortSignal | undefined, take: () => number[]): Promise<number[]> {
    return new Promise((resolve, reject) => {
      const cancel = () => reject(new MoruError('cancelled', 'The work was cancelled.'))
      if (signal?.aborted) return cancel()
      signal?.addEventListener('abort', cancel, { once: true })
      const settled = () => signal?.removeEventListener('abort', cancel)
      this.push({
        sequence: false,
        blocks: count,
        ended: () => signal?.aborted ?? false,
        admit: () => {
          settled()
          resolve(take())
        },
        fail: (error) => {
          settled()
          reject(error)
        },
      })
    })
  }

  /** Admits from the front as long as there is room. One that does not fit holds up those behind it. */
  admit(): void {
    this.waiting = this.waiting.filter((w) => !w.ended())
    while (this.waiting.length > 0 && this.fits(this.waiting[0].blocks, this.waiting[0].sequence))
      this.waiting.shift()!.admit()
  }

  fail(error: Error): void {
    for (const w of this.waiting.splice(0)) w.fail(error)
  }
}
