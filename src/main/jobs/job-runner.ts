/** One runner for every long piece of work: progress with a rate, cancel within a second, a row that outlives a crash. */
import { randomUUID } from 'node:crypto'
import { type Job } from '../../shared/contract/jobs'
import { MoruError } from '../../shared/errors'
import { type RunEnvironment } from '../../shared/contract/runs'
import { type Store } from '../store'
import { ChangeNotice } from './change-notice'
import { type JobHandle, jobOf, RunningJob } from './running-job'

export interface JobSpec {
  kind: Job['kind']
  /** What people read: 'SmolLM2-135M-Instruct-Q8_0.gguf'. */
  title: string
  /** All that is needed to do it again: what the kind's repeater is called with. */
  parameters: Record<string, unknown>
  unit: Job['unit']
  /** In units; null while unknown. */
  total: number | null
}

/** The work itself: reports through the handle, heeds the signal, answers what the run history keeps. */
export type JobWork = (handle: JobHandle, signal: AbortSignal) => Promise<Record<string, unknown> | null>

export interface StartedJob {
  id: string
  /** The job as it ended, in whatever state; never rejects. */
  ended: Promise<Job>
}

/** Starts a job of a kind with the parameters of an earlier one. @returns the new job's id. */
export type Repeater = (parameters: Record<string, unknown>) => string | Promise<string>

export class JobRunner {
  readonly #runs: Store['runs']
  readonly #running = new Map<string, RunningJob>()
  readonly #repeaters = new Map<Job['kind'], Repeater>()
  readonly #followers = new Set<{ pending: Map<string, Job>; notice: ChangeNotice }>()
  readonly #environment: () => RunEnvironment | null
  #closed = false

  /** `environment`: what runs are done with now. */
  constructor(store: Pick<Store, 'runs'>, environment: () => RunEnvironment | null = () => null) {
    this.#runs = store.runs
    this.#environment = environment
  }

  /** Starts `work` at once. Its row is there before the first line of it runs. @throws busy when closing. */
  start(spec: JobSpec, work: JobWork): StartedJob {
    if (this.#closed) throw new MoruError('busy', 'Moru is shutting down; no new work is taken on.')
    const id = randomUUID()
    const job = new RunningJob({ ...spec, id }, this.#environment, this.#runs, (state) => this.#publish(state))
    this.#running.set(id, job)
    const ended = job.run(work).finally(() => this.#running.delete(id))
    return { id, ended }
  }

  /** Says how jobs of a kind are started again. */
  onRepeat(kind: Job['kind'], repeater: Repeater): void {
    this.#repeaters.set(kind, repeater)
  }

  /** Newest first; running ones with their figures of now. `kinds`: null for all. */
  list(limit: number, kinds: readonly Job['kind'][] | null = null): Job[] {
    return this.#runs.list(limit, kinds).map((run) => this.#running.get(run.id)?.state() ?? jobOf(run))
  }

  /** @throws not_found */
  get(id: string): Job {
    return this.#running.get(id)?.state() ?? jobOf(this.#runs.get(id))
  }

  /** Asks a job to stop; it has ended within a second. Nothing happens to one that has ended. @throws not_found */
  cancel(id: string): void {
    const job = this.#running.get(id)
    if (job) job.stop('cancelled')
    else this.#runs.get(id)
  }

  /** @returns the new job's id. @throws not_found; conflict while it is running; unsupported for kinds nothing repeats. */
  async repeat(id: string): Promise<string> {
    const run = this.#runs.get(id)
    if (this.#running.has(id)) throw new MoruError('conflict', `"${run.title}" is still running.`)
    const repeater = this.#repeaters.get(run.kind)
    if (!repeater)
      throw new MoruError('unsupported', `Work of the kind "${run.kind}" cannot be started again from here.`)
    return repeater(run.parameters)
  }

  /** Running jobs at once, then every change, until the signal fires. A slow reader gets each job's latest state only. */
  async *follow(signal: AbortSignal): AsyncGenerator<Job> {
    const follower = { pending: new Map<string, Job>(), notice: new ChangeNotice() }
    for (const [id, job] of this.#running) follower.pending.set(id, job.state())
    this.#followers.add(follower)
    try {
      while (!signal.aborted) {
        const [next] = follower.pending
        if (next) {
          follower.pending.delete(next[0])
          yield next[1]
        } else await follower.notice.next(signal)
      }
    } finally {
      this.#followers.delete(follower)
    }
  }

  /** Stops everything; what was running is marked interrupted. Resolves within about a second. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#running.values()].map((job) => job.stop('interrupted')))
  }

  #publish(state: Job): void {
    for (const { pending, notice } of this.#followers) {
      pending.set(state.id, state)
      notice.announce()
    }
  }
}
