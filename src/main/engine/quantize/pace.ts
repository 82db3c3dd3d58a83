/** Long computations on the host that let others in, and stop when they are asked to. */
import { throwIfCancelled } from '../../../shared/errors'

/** Longest that the event loop waits: answers stream on, and cancelling takes effect, while a model is quantized. */
const mostMs = 40

export class Pace {
  private readonly signal: AbortSignal | undefined
  private since = performance.now()

  constructor(signal?: AbortSignal) {
    this.signal = signal
  }

  /** Call it often. Throws cancelled. */
  async rest(): Promise<void> {
    if (performance.now() - this.since < mostMs) return
    await new Promise((resolve) => setImmediate(resolve))
    this.since = performance.now()
    throwIfCancelled(this.signal)
  }
}
