/** A generation watched kernel by kernel: where its wall time went. */
import { MoruError } from '../../../shared/errors'
import { GroupTimer } from '../kernels/group-timer'
import { KernelTimer } from '../kernels/kernel-timer'
import { type GenerateEvent, type GenerateRequest } from '../runtime/generate'
import { type LoadedModel } from '../runtime/loaded-model'
import { type KernelShare } from './kernel-classes'
import { type GapTimes, type HostTimes, StepWatch } from './step-watch'
import { type Timeline } from './timeline'

export interface GenerationProfile {
  /** Of the generation, without what profiling cost it (profilingMs). */
  wallMs: number
  /** The same request without any profiling, just before. */
  plainWallMs: number
  /** The host's own work, the sum of its parts. */
  hostMs: number
  host: HostTimes
  /** The GPU without a kernel although a step is under way, the sum of its parts. */
  gapMs: number
  gaps: GapTimes
  /** wallMs less kernels, gaps and host. Negative where they overlap. */
  unattributedMs: number
  /** Stamps and reading them, beside wallMs. */
  profilingMs: number
  /** What two stamps add to the time between them, measured before; 0 without stamps. */
  stampCostMs: number
  /** submits: the adapter has no stamps. */
  timing: 'stamps' | 'submits'
  promptTokens: number
  completionTokens: number
  kernels: KernelShare[]
  timeline: Timeline
}

export type ProfileStage = 'warm-up' | 'plain' | 'profile' | 'groups'

/** Runs the request alone, once to compile, once plain and once with every kernel timed. Throws busy, cancelled, context_full. */
export function profileGeneration(
  model: LoadedModel,
  request: GenerateRequest,
  onStage: (stage: ProfileStage) => void = () => undefined,
): Promise<GenerationProfile> {
  return model.alone(async (generate) => {
    const run = async () => {
      model.forgetPrefixes()
      const start = performance.now()
      const end = await finished(generate(request))
      const elapsedMs = performance.now() - start
      await model.settled()
      return { ...end, elapsedMs }
    }
    onStage('warm-up')
    await run()
    onStage('plain')
    const plain = await run()
    onStage('profile')
    const timer = model.gpu.features.has('timestamp-query') ? await KernelTimer.open(model.gpu) : null
    const watch = new StepWatch(timer, model.gpu.profile.lanes)
    try {
      model.runner.recorder.observer = watch
      model.stepObserver = watch
      const watched = await run().finally(() => {
        model.runner.recorder.observer = null
        model.stepObserver = null
      })
      onStage('groups')
      const stampCostMs = timer && timer.stampCostNs / 1e6
      await timeKernels(model, watch, stampCostMs, request.signal)
      return account(watch, watched, plain.elapsedMs, stampCostMs)
    } finally {
      await model.gpu.idle()
      timer?.release()
    }
  })
}

async function timeKernels(
  model: LoadedModel,
  watch: StepWatch,
  stampCostMs: number | null,
  signal: AbortSignal | undefined,
): Promise<void> {
  const groups = await GroupTimer.open(model.gpu, model.runner.recorder)
  try {
    watch.gaps.betweenMs += await watch.classes.time(groups, stampCostMs, signal)
  } finally {
    await model.gpu.idle()
    groups.release()
  }
}

async function finished(events: AsyncIterable<GenerateEvent>) {
  for await (const event of events)
    if (event.kind === 'finished') {
      if (event.finishReason === 'cancelled') throw new MoruError('cancelled', 'The profile was cancelled.')
      return event
    }
  throw new MoruError('internal', 'A generation ended without its end.')
}

type Watched = Awaited<ReturnType<typeof finished>> & { elapsedMs: number }

function account(
  watch: StepWatch,
  { elapsedMs, usage }: Watched,
  plainWallMs: number,
  stampCostMs: number | null,
): GenerationProfile {
  const sum = (parts: object) => (Object.values(parts) as number[]).reduce((all, part) => all + part, 0)
  const kernels = watch.classes.shares()
  const kernelMs = kernels.reduce((all, k) => all + k.elapsedMs, 0)
  // Without stamps nobody knows where in the wait the kernels ran, only how long they take.
  if (stampCostMs === null) watch.gaps.betweenMs = Math.max(0, watch.waitMs - kernelMs)
  const profilingMs = watch.readMs + watch.stampMs
  const wallMs = elapsedMs - profilingMs
  const hostMs = sum(watch.host)
  const gapMs = sum(watch.gaps)
  return {
    wallMs,
    plainWallMs,
    hostMs,
    host: watch.host,
    gapMs,
    gaps: watch.gaps,
    unattributedMs: wallMs - kernelMs - gapMs - hostMs,
    profilingMs,
    stampCostMs: stampCostMs ?? 0,
    timing: stampCostMs === null ? 'submits' : 'stamps',
    promptTokens: usage.promptTokens,
    completionTokens: usage.completionTokens,
    kernels,
    timeline: watch.timeline,
  }
}
