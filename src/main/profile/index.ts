/** Where time goes: generations profiled kernel by kernel, kept in the run history, and the ceilings they are held against. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { type HandlersFor } from '../../shared/contract/handlers'
import { profileReport, profilerRun, profilerSchedule, scheduleReport, timeline } from '../../shared/contract/profiler'
import { toMoruError } from '../../shared/errors'
import { type JobRunner, watchedJob, type WatchedWork } from '../jobs'
import { type Store } from '../store'
import { namedModel, reported, type TextEngine } from '../text'
import { keptCeilings, measureAnew } from './device-ceilings'
import { MemoryWatch } from './memory-watch'
import { runProfile, type Stage, stages } from './run-profile'
import { runSchedule, type ScheduleProgress } from './run-schedule'

export { MemoryWatch }

type Input = ParsedInputOf<typeof profilerRun>
type ScheduleInput = ParsedInputOf<typeof profilerSchedule>

export interface ProfilerOptions {
  engine: TextEngine
  jobs: JobRunner
  store: Store
  memory: MemoryWatch
  /** The one the person chose, else the bundled one. */
  defaultModel: () => string | null
}

type ProfilerEndpoints =
  | 'profilerRun'
  | 'profilerList'
  | 'profilerGet'
  | 'profilerTimeline'
  | 'profilerCeilings'
  | 'profilerMeasure'
  | 'profilerMemory'
  | 'profilerSchedule'

export function profilerHandlers(options: ProfilerOptions): HandlersFor<ProfilerEndpoints> {
  const { jobs, store, memory } = options
  const profile = watchedJob(jobs, profileWork(options))
  const schedule = watchedJob(jobs, scheduleWork(options))
  return {
    profilerMemory: (_input, { signal }) => memory.follow(signal),
    profilerSchedule: (input, { signal }) =>
      reported<EventOf<typeof profilerSchedule>>(async (report) => {
        const { id, result } = await schedule(input, report, signal)
        report({ kind: 'finished', runId: id, report: scheduleReport.parse(result) })
      }),
    profilerRun: (input, { signal }) =>
      reported<EventOf<typeof profilerRun>>(async (report) => {
        const { id } = await profile(input, report, signal)
        report({ kind: 'finished', runId: id, report: profileReport.parse(store.profiles.get(id).report) })
      }),
    profilerList: async ({ limit }) => store.profiles.list(limit),
    profilerGet: async ({ runId }) => {
      const { report, ...listed } = store.profiles.get(runId)
      return { ...profileReport.parse(report), ...listed }
    },
    profilerTimeline: async ({ runId }) => timeline.parse(store.profiles.timeline(runId)),
    profilerCeilings: async () =>
      keptCeilings(store).catch((thrown: unknown) => {
        if (toMoruError(thrown).code !== 'no_adapter') throw thrown
        return { device: null, ceilings: [], measuredAt: null }
      }),
    profilerMeasure: ({ repetitions }, { signal }) =>
      reported(async (report) => {
        const progress = (name: string, done: number, total: number) => report({ kind: 'progress', name, done, total })
        report({ kind: 'finished', ...(await measureAnew(store, repetitions, signal, progress)) })
      }),
  }
}

const titleOf = (prompt: string) => prompt.replace(/\s+/g, ' ').trim().slice(0, 80)

function profileWork({
  engine,
  store,
  defaultModel,
}: ProfilerOptions): WatchedWork<Input, EventOf<typeof profilerRun>> {
  return {
    kind: 'profile',
    parse: (parameters) => profilerRun.input.parse(parameters),
    spec: ({ prompt }) => ({ title: titleOf(prompt), unit: 'steps', total: stages.length }),
    work: (input, tell) => {
      const modelId = namedModel(input.model, defaultModel())
      return async (handle, signal) => {
        const onStage = (stage: Stage) => {
          handle.progress(stages.indexOf(stage))
          tell({ kind: 'progress', jobId: handle.id, stage })
        }
        const { report, timeline: events } = await runProfile({ engine, store }, input, modelId, onStage, signal)
        handle.rename(`${report.model.name}: ${titleOf(input.prompt)}`)
        store.profiles.add(handle.id, report, events)
        handle.progress(stages.length)
        return figuresOf(report)
      }
    },
  }
}

function scheduleWork({
  engine,
  store,
  defaultModel,
}: ProfilerOptions): WatchedWork<ScheduleInput, EventOf<typeof profilerSchedule>> {
  const name = ({ requests, slots }: ScheduleInput) => `${requests} / ${slots}`
  return {
    kind: 'schedule',
    parse: (parameters) => profilerSchedule.input.parse(parameters),
    spec: (input) => ({ title: name(input), unit: 'steps', total: 3 * input.requests }),
    work: (input, tell) => {
      const modelId = namedModel(input.model, defaultModel())
      return async (handle, signal) => {
        const onProgress = (progress: ScheduleProgress) => {
          handle.progress(progress.done, progress.total)
          tell({ kind: 'progress', jobId: handle.id, ...progress })
        }
        const report = await runSchedule({ engine, store }, input, modelId, onProgress, signal)
        handle.rename(`${report.model.name}: ${name(input)}`)
        return { ...report }
      }
    },
  }
}

/** What the run history keeps beside the whole. */
function figuresOf({ kernels, ceilings, device, model, ...times }: ReturnType<typeof profileReport.parse>) {
  const [longest] = kernels
  return { device, model, ...times, longestKernel: longest?.name ?? null, ceilings: ceilings.length }
}
