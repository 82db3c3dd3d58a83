/** A generation watched kernel by kernel: where its wall time went. */
import { MoruError } from '../../../shared/errors'
import { GroupTimer } from '../kernels/group-timer'
import { KernelTimer } from '../kernels/kernel-timer'
import { type GenerateEvent, type GenerateRequest } from '../runtime/generate'
import { type LoadedModel } from '../runtime/loaded-model'
import { type KernelShare } from './kernel-classes'
import { type GapTimes, type HostTimes, type ProfilingTimes, StepWatch } from './step-watch'
import { type Timeline } from './timeline'

export interface GenerationProfile {
  /** Of the generation, without what profiling cost it (profilingMs). */
  wallMs: number
  /** The same request without any profiling, in turn with it. */
  plainWallMs: number
  /** The host's own work, the sum of its parts. */
  hostMs: number
  host: HostTimes
  /** The GPU without a kernel although a step is under way, the sum of its parts. */
  gapMs: number
  gaps: GapTimes
  /** wallMs less kernels, gaps and host. Negative where they overlap. */
  unattributedMs: number
  /** What profiling cost beside wallMs, the sum of its parts. */
  profilingMs: number
  profiling: ProfilingTimes
  /** How often it ran, plain and watched; the quickest of each counts. */
  rounds: number
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

/** Runs are repeated, plain and watched in turn, until they took so long together, and at most so often. */
const roundsWithinMs = 8000
const mostRounds = 3

/**
 * Runs the request alone, once to compile, then plain and with every kernel timed, in turn; the quickest of each counts, because
 * what else the machine does can only add. Throws busy, cancelled, context_full.
 */
export function profileGeneration(
  model: LoadedModel,
  request: GenerateRequest,
  onStage: (stage: ProfileStage) => void = () => undefined,
): Promise<GenerationProfile> {
  return model.alone(async (generate) => {
    const run = () => timed(model, generate(request))
    onStage('warm-up')
    await run()
    const timer = model.gpu.features.has('timestamp-query') ? await KernelTimer.open(model.gpu) : null
    try {
      const rounds: Round[] = []
      for (const began = performance.now(); rounds.length < mostRounds;) {
        onStage('plain')
        const { elapsedMs: plainMs } = await run()
        onStage('profile')
        rounds.push({ plainMs, ...(await watched(model, timer, run)) })
        if (performance.now() - began > roundsWithinMs) break
      }
      onStage('groups')
      const best = rounds.reduce((a, b) => (b.elapsedMs < a.elapsedMs ? b : a))
      await timeKernels(model, best.watch, timer && timer.stampCostNs / 1e6, request.signal)
      return account(best, rounds, timer)
    } finally {
      await model.gpu.idle()
      timer?.release()
    }
  })
}

type Timed = Awaited<ReturnType<typeof finished>> & { elapsedMs: number }

/** One plain run and the watched one after it. */
interface Round extends Timed {
  plainMs: number
  watch: StepWatch
}

async function timed(model: LoadedModel, events: AsyncIterable<GenerateEvent>): Promise<Timed> {
  model.forgetPrefixes()
  const start = performance.now()
  const end = await finished(events)
  const elapsedMs = performance.now() - start
  await model.settled()
  return { ...end, elapsedMs }
}

async function watched(
  model: LoadedModel,
  timer: KernelTimer | null,
  run: () => Promise<Timed>,
): Promise<Timed & { watch: StepWatch }> {
  const watch = new StepWatch(timer, model.gpu.profile.lanes)
  model.runner.recorder.observer = watch
  model.stepObserver = watch
  try {
    return { ...(await run()), watch }
  } finally {
    model.runner.recorder.observer = null
    model.stepObserver = null
  }
}

async function timeKernels(
  model: LoadedModel,
  watch: StepWatch,
  stampCostMs: number | null,
  signal: AbortSignal | undefined,
): Promise<void> {
  const groups = await GroupTimer.open(model.gpu, model.runner.recorder)
  try {
    const { stampsMs, startingMs } = await watch.classes.time(groups, stampCostMs, signal)
    watch.profiling.stampsMs = stampsMs
    watch.gaps.betweenMs += startingMs
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

const sumOf = (parts: object) => (Object.values(parts) as number[]).reduce((all, part) => all + part, 0)

function account(best: Round, rounds: readonly Round[], timer: KernelTimer | null): GenerationProfile {
  const { watch, usage } = best
  const kernels = watch.classes.shares()
  const kernelMs = kernels.reduce((all, k) => all + k.elapsedMs, 0)
  // Without stamps nobody knows where in the wait the kernels ran, only how long they take.
  if (timer === null) watch.gaps.betweenMs = Math.max(0, watch.waitMs - kernelMs)
  const wallMs = best.elapsedMs - sumOf(watch.profiling)
  const hostMs = sumOf(watch.host)
  const gapMs = sumOf(watch.gaps)
  return {
    wallMs,
    plainWallMs: Math.min(...rounds.map(({ plainMs }) => plainMs)),
    hostMs,
    host: watch.host,
    gapMs,
    gaps: watch.gaps,
    unattributedMs: wallMs - kernelMs - gapMs - hostMs,
    profilingMs: sumOf(watch.profiling),
    profiling: watch.profiling,
    rounds: rounds.length,
    stampCostMs: timer ? timer.stampCostNs / 1e6 : 0,
    timing: timer ? 'stamps' : 'submits',
    promptTokens: usage.promptTokens,
    completionTokens: usage.completionTokens,
    kernels,
    timeline: watch.timeline,
  }
}
