/** A generation watched kernel by kernel: where its wall time went. */
import { MoruError } from '../../shared/errors'
import { KernelTimer, type TimedCall } from './kernels/kernel-timer'
import { type GenerateRequest } from './runtime/generate'
import { type LoadedModel, type StepSpan } from './runtime/loaded-model'

export type Phase = 'prefill' | 'decode'

/** All calls of one kernel in one phase. */
export interface KernelShare {
  name: string
  phase: Phase
  calls: number
  elapsedMs: number
  flops: number
  bytes: number
}

export interface GenerationProfile {
  /** Of the generation, without what reading the stamps cost. */
  wallMs: number
  /** Recording, submitting, waiting for the first kernel and after the last one, and choosing tokens. */
  hostMs: number
  /** Between kernels on the GPU. */
  gapMs: number
  /** wallMs less kernels, gaps and host. */
  unattributedMs: number
  /** What reading the stamps cost, beside wallMs. */
  profilingMs: number
  /** What two stamps add to each kernel's own time, measured on empty passes. */
  stampCostMs: number
  kernels: KernelShare[]
}

/** Runs the request alone and times every kernel. Throws busy while the model answers others, unsupported without time stamps. */
export async function profileGeneration(model: LoadedModel, request: GenerateRequest): Promise<GenerationProfile> {
  if (model.stepObserver || model.status.generating)
    throw new MoruError('busy', 'The model is answering; a profile needs it alone. Try again when it is done.')
  const timer = await KernelTimer.open(model.gpu)
  const account = new Account()
  model.runner.recorder.observer = timer
  model.stepObserver = async (span) => {
    const start = performance.now()
    account.add(span, await timer.collect())
    account.profilingMs += performance.now() - start
  }
  const start = performance.now()
  try {
    for await (const event of model.generate(request)) if (event.kind === 'finished') break
    return account.profile(performance.now() - start, timer.stampCostNs / 1e6)
  } finally {
    model.runner.recorder.observer = null
    model.stepObserver = null
    await model.gpu.idle()
    timer.release()
  }
}

class Account {
  profilingMs = 0
  private gapNs = 0
  private waitNs = 0
  private stepNs = 0
  private readonly shares = new Map<string, KernelShare>()

  add(span: StepSpan, calls: TimedCall[]): void {
    this.stepNs += span.endNs - span.beginNs
    if (calls.length === 0) {
      this.waitNs += span.endNs - span.beginNs
      return
    }
    this.waitNs +=
      Math.max(0, calls[0].beginNs - span.beginNs) + Math.max(0, span.endNs - calls[calls.length - 1].endNs)
    const phase = span.prefill ? 'prefill' : 'decode'
    calls.forEach((call, i) => {
      if (i > 0) this.gapNs += Math.max(0, call.beginNs - calls[i - 1].endNs)
      const share = this.share(call.kernel, phase)
      share.calls++
      share.elapsedMs += (call.endNs - call.beginNs) / 1e6
      share.flops += call.flops
      share.bytes += call.bytes
    })
  }

  profile(elapsedMs: number, stampCostMs: number): GenerationProfile {
    const wallMs = elapsedMs - this.profilingMs
    // Outside of steps the host chooses tokens and hands out events; the GPU waits.
    const hostMs = this.waitNs / 1e6 + Math.max(0, wallMs - this.stepNs / 1e6)
    const kernels = [...this.shares.values()].sort((a, b) => b.elapsedMs - a.elapsedMs)
    const kernelMs = kernels.reduce((sum, k) => sum + k.elapsedMs, 0)
    const gapMs = this.gapNs / 1e6
    return {
      wallMs,
      hostMs,
      gapMs,
      unattributedMs: wallMs - kernelMs - gapMs - hostMs,
      profilingMs: this.profilingMs,
      stampCostMs,
      kernels,
    }
  }

  private share(name: string, phase: Phase): KernelShare {
    const key = `${name} ${phase}`
    let share = this.shares.get(key)
    if (!share) this.shares.set(key, (share = { name, phase, calls: 0, elapsedMs: 0, flops: 0, bytes: 0 }))
    return share
  }
}
