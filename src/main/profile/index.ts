/** Where time goes: generations profiled kernel by kernel, kept in the run history, and the ceilings they are held against. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { type HandlersFor } from '../../shared/contract/handlers'
import { profileReport, profilerRun, profilerSchedule, scheduleReport, timeline } from '../../shared/contract/profiler'
import { toMoruError } from '../../shared/errors'
import { awaitJob, type JobRunner, type JobSpec, type JobWork } from '../jobs'
import { type Store, type StoredProfile } from '../store'
import { namedModel, reported, type TextEngine } from '../text'
import { keptCeilings, measureAnew } from './device-ceilings'
import { MemoryWatch } from './memory-watch'
import { runProfile, type Stage, stages } from './run-profile'
import { runSchedule, type ScheduleProgress } from './run-schedule'

export { MemoryWatch }

type Input = ParsedInputOf<typeof profilerRun>
type Event = EventOf<typeof profilerRun>

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
  jobs.onRepeat('profile', (parameters) => {
    const input = profilerRun.input.parse(parameters)
    const work = profileWork(options, input, () => undefined)
    return jobs.start(specOf(input), work).id
  })
  jobs.onRepeat('schedule', (parameters) => {
    const input = profilerSchedule.input.parse(parameters)
    const work = scheduleWork(options, input, () => undefined)
    return jobs.start(scheduleSpec(input), work).id
  })
  return {
    profilerMemory: (_input, { signal }) => memory.follow(signal),
    profilerSchedule: (input, { signal }) =>
      reported<EventOf<typeof profilerSchedule>>(async (report) => {
        let runId = ''
        const tell = (progress: ScheduleProgress, jobId: string) =>
          report({ kind: 'progress', jobId: (runId = jobId), ...progress })
        const result = await awaitJob(jobs, scheduleSpec(input), scheduleWork(options, input, tell), signal)
        report({ kind: 'finished', runId, report: scheduleReport.parse(result) })
      }),
    profilerRun: (input, { signal }) =>
      reported<Event>(async (report) => {
        let runId = ''
        const tell = (stage: Stage, jobId: string) => report({ kind: 'progress', jobId: (runId = jobId), stage })
        await awaitJob(jobs, specOf(input), profileWork(options, input, tell), signal)
        report({ kind: 'finished', runId, report: profileReport.parse(store.profiles.get(runId).report) })
      }),
    profilerList: async ({ limit }) =>
      store.profiles.list(limit).map((stored) => {
        const { device, model, promptTokens, completionTokens, wallMs, ...own } = whole(store, stored)
        const { runId, title, startedAt } = own
        return { device, model, promptTokens, completionTokens, wallMs, runId, title, startedAt }
      }),
    profilerGet: async ({ runId }) => whole(store, store.profiles.get(runId)),
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

function whole(store: Store, { runId, startedAt, report }: StoredProfile) {
  return { ...profileReport.parse(report), runId, startedAt, title: store.runs.get(runId).title }
}

const titleOf = (input: Input) => input.prompt.replace(/\s+/g, ' ').trim().slice(0, 80)

const specOf = (input: Input): JobSpec => ({
  kind: 'profile',
  title: titleOf(input),
  parameters: input,
  unit: 'steps',
  total: stages.length,
})

function profileWork(
  { engine, store, defaultModel }: ProfilerOptions,
  input: Input,
  tell: (stage: Stage, jobId: string) => void,
): JobWork {
  const modelId = namedModel(input.model, defaultModel())
  return async (handle, signal) => {
    const onStage = (stage: Stage) => {
      handle.progress(stages.indexOf(stage))
      tell(stage, handle.id)
    }
    const { report, timeline: events } = await runProfile({ engine, store }, input, modelId, onStage, signal)
    handle.rename(`${report.model.name}: ${titleOf(input)}`)
    store.profiles.add(handle.id, report, events)
    handle.progress(stages.length)
    return figuresOf(report)
  }
}

type ScheduleInput = ParsedInputOf<typeof profilerSchedule>

const scheduleSpec = (input: ScheduleInput): JobSpec => ({
  kind: 'schedule',
  title: `${input.requests} / ${input.slots}`,
  parameters: input,
  unit: 'steps',
  total: 3 * input.requests,
})

function scheduleWork(
  { engine, store, defaultModel }: ProfilerOptions,
  input: ScheduleInput,
  tell: (progress: ScheduleProgress, jobId: string) => void,
): JobWork {
  const modelId = namedModel(input.model, defaultModel())
  return async (handle, signal) => {
    const onProgress = (progress: ScheduleProgress) => {
      handle.progress(progress.done, progress.total)
      tell(progress, handle.id)
    }
    const report = await runSchedule({ engine, store }, input, modelId, onProgress, signal)
    handle.rename(`${report.model.name}: ${input.requests} / ${input.slots}`)
    return { ...report }
  }
}

/** What the run history keeps beside the whole. */
function figuresOf({ kernels, ceilings, device, model, ...times }: ReturnType<typeof profileReport.parse>) {
  const [longest] = kernels
  return { device, model, ...times, longestKernel: longest?.name ?? null, ceilings: ceilings.length }
}
