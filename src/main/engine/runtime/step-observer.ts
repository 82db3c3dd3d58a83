/** What a profiler hears of a model's steps. */

/** When a step began and had its result, in nanoseconds of process.hrtime.bigint(). */
export interface StepSpan {
  beginNs: number
  endNs: number
  /** Some sequence computed more than one token. */
  prefill: boolean
}

/** Hears what the host does with every step. */
export interface StepObserver {
  /** Waited for before tokens are chosen: a profiler reads its stamps back. */
  computed(span: StepSpan): Promise<void>
  /** Tokens were chosen and given out. */
  chosen(beginNs: number, endNs: number): void
  /** The turn of the event loop after a step, in which readers get their events. */
  turned(beginNs: number, endNs: number): void
}

/** The clock of all these times. */
export const nowNs = (): number => Number(process.hrtime.bigint())
