/** Watches a generation from both sides: the recorder's submissions and kernels, and the host's work around them. */
import { costOf, type KernelTimer, type TimedCall } from '../kernels/kernel-timer'
import { type KernelCall, type RecordObserver } from '../kernels/recorder'
import { nowNs, type StepObserver, type StepSpan } from '../runtime/step-observer'
import { KernelClasses } from './kernel-classes'
import { type Lane, type Phase, type Timeline } from './timeline'

/** Milliseconds of the host's own work, each part between two readings of its clock. */
export interface HostTimes {
  /** Choosing what a step computes, uploading it, recording kernels. */
  recordMs: number
  submitMs: number
  /** Choosing tokens and making text of them. */
  sampleMs: number
  /** Handing out events. */
  deliverMs: number
}

/** Milliseconds in which the GPU has no kernel although a step is under way. */
export interface GapTimes {
  /** From the end of a submission to the first kernel. */
  launchMs: number
  /** Between kernels, and while short ones are started in passes of their own. */
  betweenMs: number
  /** From the last kernel until the host has the result. */
  wakeMs: number
}

/** Milliseconds that watching costs. */
export interface ProfilingTimes {
  /** What the stamps of all calls cost; known once kernels were timed. */
  stampsMs: number
  /** Reading them back between steps. */
  readMs: number
}

export class StepWatch implements RecordObserver, StepObserver {
  readonly host: HostTimes = { recordMs: 0, submitMs: 0, sampleMs: 0, deliverMs: 0 }
  readonly gaps: GapTimes = { launchMs: 0, betweenMs: 0, wakeMs: 0 }
  readonly classes = new KernelClasses()
  readonly timeline: Timeline = { steps: [], events: [] }
  readonly profiling: ProfilingTimes = { stampsMs: 0, readMs: 0 }
  /** Where there are no stamps: in which the host waited for the GPU. */
  waitMs = 0
  private readonly timer: KernelTimer | null
  private readonly lanes: number
  private readonly originNs = nowNs()
  private calls: KernelCall[] = []
  private submits: { beginNs: number; endNs: number }[] = []

  constructor(timer: KernelTimer | null, lanes: number) {
    this.timer = timer
    this.lanes = lanes
  }

  before(call: KernelCall): GPUComputePassDescriptor | undefined {
    if (this.timer) return this.timer.before(call)
    this.calls.push(call)
    return undefined
  }

  beforeSubmit(): void {
    this.submits.push({ beginNs: nowNs(), endNs: 0 })
  }

  submitted(): void {
    this.submits[this.submits.length - 1].endNs = nowNs()
  }

  async computed(span: StepSpan): Promise<void> {
    const beginNs = nowNs()
    const phase = span.prefill ? 'prefill' : 'decode'
    const timed = (await this.timer?.collect()) ?? []
    for (const call of this.calls.splice(0)) this.classes.add(call, phase, costOf(call, this.lanes), 0)
    this.addStep(span, phase, timed)
    this.submits = []
    this.profiling.readMs += (nowNs() - beginNs) / 1e6
    this.note('host', 'profile', beginNs, nowNs())
  }

  chosen(beginNs: number, endNs: number): void {
    this.host.sampleMs += this.note('host', 'sample', beginNs, endNs)
  }

  turned(beginNs: number, endNs: number): void {
    this.host.deliverMs += this.note('host', 'deliver', beginNs, endNs)
  }

  private addStep(span: StepSpan, phase: Phase, timed: TimedCall[]): void {
    this.timeline.steps.push({ phase, beginMs: this.since(span.beginNs), elapsedMs: (span.endNs - span.beginNs) / 1e6 })
    const first = this.submits[0]
    const last = this.submits[this.submits.length - 1]
    if (!first) return
    const shift = clockShift(timed, span)
    const gpuBegin = timed.length > 0 ? timed[0].beginNs + shift : Infinity
    this.host.recordMs += this.note('host', 'record', span.beginNs, first.beginNs)
    for (const { beginNs, endNs } of this.submits) {
      this.note('submit', 'submit', beginNs, endNs)
      // A software adapter begins before the submission returns: from then on it is the kernel's time.
      this.host.submitMs += Math.max(0, Math.min(endNs, gpuBegin) - beginNs) / 1e6
    }
    this.note('submit', 'wait', last.endNs, span.endNs)
    this.waitMs += (span.endNs - last.endNs) / 1e6
    if (timed.length > 0) this.addKernels(span, phase, timed, shift, last.endNs)
  }

  private addKernels(span: StepSpan, phase: Phase, timed: TimedCall[], shift: number, submittedNs: number): void {
    this.gaps.launchMs += Math.max(0, timed[0].beginNs + shift - submittedNs) / 1e6
    this.gaps.wakeMs += Math.max(0, span.endNs - timed[timed.length - 1].endNs - shift) / 1e6
    timed.forEach((own, i) => {
      const { call, beginNs, endNs } = own
      const stampedMs = (endNs - beginNs) / 1e6
      if (i > 0) this.gaps.betweenMs += Math.max(0, beginNs - timed[i - 1].endNs) / 1e6
      this.classes.add(call, phase, own, stampedMs)
      this.note('gpu', call.kernel.name, beginNs + shift, endNs + shift, call.scope)
    })
  }

  private note(lane: Lane, name: string, beginNs: number, endNs: number, scope = ''): number {
    const elapsedMs = (endNs - beginNs) / 1e6
    const step = this.timeline.steps.length - 1
    this.timeline.events.push({ lane, name, scope, step, beginMs: this.since(beginNs), elapsedMs })
    return elapsedMs
  }

  private since(ns: number): number {
    return (ns - this.originNs) / 1e6
  }
}

/** What brings stamps onto the host's clock: nothing where they are on it; else the kernels end when the result is there. */
function clockShift(timed: TimedCall[], span: StepSpan): number {
  if (timed.length === 0) return 0
  const [begin, end] = [timed[0].beginNs, timed[timed.length - 1].endNs]
  return begin >= span.beginNs && end <= span.endNs ? 0 : span.endNs - end
}
