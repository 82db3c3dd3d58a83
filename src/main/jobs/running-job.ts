import { type Job } from '../../shared/contract/jobs'
import { throwIfCancelled, toMoruError } from '../../shared/errors'
import { type Run, type Store } from '../store'
import { type JobSpec, type JobWork } from './job-runner'
import { SmoothedRate } from './smoothed-rate'

/** Four reports a second at most. */
const reportEveryMs = 250
/** How far it had come is stored this often, for the case of a crash. */
const storeEveryMs = 2000
/** Work that has not ended by then after a cancel is left behind: cancel takes effect within a second. */
const graceMs = 900

/** What the work reports through. */
export interface JobHandle {
  readonly id: string
  /** So many units are done in all (never fewer than before); optionally the total, now that it is known. */
  progress(done: number, total?: number | null): void
  /** Another title, now that it is known. */
  rename(title: string): void
}

/** A run as a job that is not running. */
export function jobOf({ environment: _environment, ...run }: Run): Job {
  return { ...run, ratePerSecond: null, remainingMs: null }
}

/** A job between its start and its end. */
export class RunningJob implements JobHandle {
  readonly id: string
  readonly #runs: Store['runs']
  readonly #environment: () => Run['environment']
  readonly #report: (state: Job) => void
  readonly #controller = new AbortController()
  readonly #ended = Promise.withResolvers<Job>()
  readonly #rate: SmoothedRate
  #run: Run
  #stopAs: 'cancelled' | 'interrupted' = 'cancelled'
  #timer: NodeJS.Timeout | null = null
  #reportedAt = 0
  #storedAt = Date.now()

  constructor(
    spec: JobSpec & { id: string },
    environment: () => Run['environment'],
    runs: Store['runs'],
    report: (state: Job) => void,
  ) {
    const startedAt = Date.now()
    this.id = spec.id
    this.#runs = runs
    this.#environment = environment
    this.#report = report
    this.#run = {
      ...spec,
      environment: environment(),
      state: 'running',
      done: 0,
      result: null,
      error: null,
      startedAt,
      endedAt: null,
    }
    this.#rate = new SmoothedRate(0, performance.now())
    runs.add(this.#run)
    this.#reportNow()
  }

  /** Runs the work to its end. @returns the job as it ended. */
  run(work: JobWork): Promise<Job> {
    // In a later turn of the loop: whoever starts a job has its id before anything can be heard of it.
    void Promise.resolve()
      .then(() => {
        throwIfCancelled(this.#controller.signal)
        return work(this, this.#controller.signal)
      })
      .then(
        (result) => this.#end('done', result, null),
        (thrown: unknown) => {
          const error = toMoruError(thrown)
          if (this.#controller.signal.aborted || error.code === 'cancelled') this.#end(this.#stopAs, null, null)
          else this.#end('failed', null, error.message)
        },
      )
    return this.#ended.promise
  }

  /** Asks the work to stop. @returns the job as it ended, within a second. */
  stop(as: 'cancelled' | 'interrupted'): Promise<Job> {
    this.#stopAs = as
    this.#controller.abort()
    setTimeout(() => this.#end(as, null, null), graceMs).unref()
    return this.#ended.promise
  }

  progress(done: number, total?: number | null): void {
    if (this.#run.state !== 'running') return
    this.#run = {
      ...this.#run,
      done: Math.max(done, this.#run.done),
      total: total === undefined ? this.#run.total : total,
    }
    this.#rate.sample(this.#run.done, performance.now())
    this.#reportSoon()
  }

  rename(title: string): void {
    if (this.#run.state !== 'running') return
    this.#run = { ...this.#run, title }
    this.#reportSoon()
  }

  state(): Job {
    const now = performance.now()
    const running = this.#run.state === 'running'
    return {
      ...jobOf(this.#run),
      ratePerSecond: running ? this.#rate.perSecond(now) : null,
      remainingMs: running ? this.#rate.remainingMs(this.#run.total, now) : null,
    }
  }

  #reportSoon(): void {
    if (this.#timer !== null) return
    const wait = this.#reportedAt + reportEveryMs - performance.now()
    if (wait <= 0) this.#reportNow()
    else this.#timer = setTimeout(() => this.#reportNow(), wait)
  }

  #reportNow(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#reportedAt = performance.now()
    if (Date.now() - this.#storedAt >= storeEveryMs) {
      this.#runs.update(this.#run)
      this.#storedAt = Date.now()
    }
    this.#report(this.state())
  }

  #end(state: Job['state'], result: Job['result'], error: string | null): void {
    if (this.#run.state !== 'running') return
    // By now the device is open, where the work needed one.
    this.#run = { ...this.#run, state, result, error, endedAt: Date.now(), environment: this.#environment() }
    this.#runs.update(this.#run)
    this.#reportNow()
    this.#ended.resolve(this.state())
  }
}
