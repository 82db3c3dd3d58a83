/**
 * The same requests under three policies, with the runtime's own batch step: static batches wait to be full and for their slowest,
 * dynamic ones are formed by size or after a window (and wait for their slowest too), continuous batching fills a slot as soon as
 * it is free (Orca: Yu et al., OSDI 2022). A sequence that has ended drops out of the step; its slot stays empty until the batch ends.
 */
import { type SchedulePolicy, type ScheduleReport } from '../../shared/contract/profiler'
import { throwIfCancelled } from '../../shared/errors'
import { seededRandom } from '../../shared/seeded-random'

export interface PlannedRequest {
  arrivesMs: number
  promptTokens: number
  answerTokens: number
}

type PolicyReport = ScheduleReport['policies'][number]
type Lane = PolicyReport['lanes'][number]

/** Lengths and times of arrival, the same for the same seed: uniform lengths, exponential pauses. */
export function planRequests(count: number, seed: number): PlannedRequest[] {
  const next = seededRandom(seed)
  let at = 0
  return Array.from({ length: count }, (_, i) => {
    if (i > 0) at += -Math.log(1 - next()) * meanPauseMs
    return { arrivesMs: at, promptTokens: 16 + Math.floor(next() * 80), answerTokens: 6 + Math.floor(next() ** 2 * 48) }
  })
}
const meanPauseMs = 150

export interface ScheduleOptions {
  slots: number
  windowMs: number
  signal: AbortSignal
  onEnded: () => void
}

/** Runs a request; calls back at its first token, resolves at its end. */
export type Answer = (request: PlannedRequest, onFirstToken: () => void) => Promise<void>

/** Who waits, who runs, and when the next may start: one policy over one set of requests. */
class Dispatcher {
  private readonly policy: SchedulePolicy
  private readonly options: ScheduleOptions
  private readonly answer: Answer
  private readonly origin = performance.now()
  private waiting: Lane[] = []
  private running = 0
  private batch: Lane[] = []
  private coming: number
  private failure: unknown = null
  private readonly ended = Promise.withResolvers<void>()
  readonly lanes: Lane[] = []

  constructor(policy: SchedulePolicy, count: number, options: ScheduleOptions, answer: Answer) {
    this.policy = policy
    this.options = options
    this.answer = answer
    this.coming = count
  }

  async run(requests: readonly PlannedRequest[]): Promise<Lane[]> {
    for (const request of requests) setTimeout(() => this.arrive(request), request.arrivesMs)
    await this.ended.promise
    if (this.failure) throw this.failure
    throwIfCancelled(this.options.signal)
    return this.lanes
  }

  private now(): number {
    return performance.now() - this.origin
  }

  private arrive({ promptTokens, answerTokens }: PlannedRequest): void {
    const lane = { promptTokens, answerTokens, arrivedMs: this.now(), startedMs: 0, firstTokenMs: 0, endedMs: 0, freedMs: 0 } // prettier-ignore
    this.coming--
    this.lanes.push(lane)
    this.waiting.push(lane)
    if (this.policy === 'dynamic') setTimeout(() => this.dispatch(), this.options.windowMs + 1)
    this.dispatch()
  }

  private dispatch(): void {
    const { slots, signal } = this.options
    if (this.failure || signal.aborted) this.waiting = []
    else if (this.policy === 'continuous')
      while (this.waiting.length > 0 && this.running < slots) this.start(this.waiting.shift()!) // prettier-ignore
    else if (this.running === 0 && this.batchIsDue()) {
      this.batch = this.waiting.splice(0, slots)
      for (const lane of this.batch) this.start(lane)
    }
    if (this.running === 0 && this.waiting.length === 0 && (this.coming === 0 || this.failure || signal.aborted))
      this.ended.resolve()
  }

  private batchIsDue(): boolean {
    const [first] = this.waiting
    if (!first) return false
    if (this.waiting.length >= this.options.slots || this.coming === 0) return true
    return this.policy === 'dynamic' && this.now() - first.arrivedMs >= this.options.windowMs
  }

  private start(lane: Lane): void {
    lane.startedMs = this.now()
    this.running++
    void this.answer({ ...lane, arrivesMs: lane.arrivedMs }, () => (lane.firstTokenMs ||= this.now()))
      .catch((thrown: unknown) => (this.failure ??= thrown))
      .finally(() => this.finish(lane))
  }

  private finish(lane: Lane): void {
    lane.endedMs = lane.freedMs = this.now()
    lane.firstTokenMs ||= lane.endedMs
    this.running--
    this.options.onEnded()
    if (this.policy !== 'continuous' && this.running === 0) for (const own of this.batch) own.freedMs = lane.endedMs
    this.dispatch()
  }
}

/** Runs all requests as the policy has it. Throws what answering throws; cancelled. */
export async function runPolicy(
  policy: SchedulePolicy,
  requests: readonly PlannedRequest[],
  options: ScheduleOptions,
  answer: Answer,
): Promise<PolicyReport> {
  const lanes = await new Dispatcher(policy, requests.length, options, answer).run(requests)
  return { policy, lanes, ...totalsOf(lanes, options.slots) }
}

export function totalsOf(lanes: readonly Lane[], slots: number): Omit<PolicyReport, 'policy' | 'lanes'> {
  const makespanMs = Math.max(...lanes.map((l) => l.freedMs))
  const sum = (value: (lane: Lane) => number) => lanes.reduce((all, lane) => all + value(lane), 0)
  const latencies = lanes.map((l) => l.endedMs - l.arrivedMs).sort((a, b) => a - b)
  return {
    makespanMs,
    tokensPerSecond: (sum((l) => l.answerTokens) * 1e3) / makespanMs,
    meanLatencyMs: sum((l) => l.endedMs - l.arrivedMs) / lanes.length,
    p95LatencyMs: latencies[Math.ceil(latencies.length * 0.95) - 1],
    meanTtftMs: sum((l) => l.firstTokenMs - l.arrivedMs) / lanes.length,
    idleSlotMs: sum((l) => l.freedMs - l.endedMs),
    utilization: sum((l) => l.endedMs - l.startedMs) / (slots * makespanMs),
  }
}
