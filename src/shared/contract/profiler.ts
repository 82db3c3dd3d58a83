import { z } from 'zod'
import { ceiling, ceilingName, device } from './ceilings'
import { defineRoute, defineStream } from './core'
import { loadSettings } from './sampling'

const phase = z.enum(['prefill', 'decode'])
/** Stamps around each call; stamps around many in a row; the host's clock around submissions of many. */
const timing = z.enum(['stamps', 'groups', 'submits'])

/** Calls of one kernel with the same constants and grid. */
export const kernelShape = z.object({
  /** Numeric constants, parameters and measures of the last of the calls. */
  shape: z.record(z.string(), z.number()),
  grid: z.tuple([z.number(), z.number()]),
  calls: z.number().int(),
  elapsedMs: z.number(),
  flops: z.number(),
  bytes: z.number(),
  timing,
})

/** All calls of one GPU kernel in one phase. */
export const kernelRow = z.object({
  name: z.string(),
  phase,
  calls: z.number().int(),
  elapsedMs: z.number(),
  flops: z.number(),
  bytes: z.number(),
  /** flops / bytes */
  intensity: z.number(),
  /** Reached share of the ceiling that bounds it, 1 at the ceiling. */
  achieved: z.number(),
  /** fixed_cost: a dispatch costs more than its arithmetic and its bytes would at their peak rates. */
  bound: z.enum(['memory', 'compute', 'fixed_cost']),
  /** elapsedMs / sum of elapsedMs */
  share: z.number(),
  arithmetic: z.enum(['f32', 'f16', 'int8']),
  /** The ceiling that bounds it. */
  ceiling: ceilingName,
  shapes: z.array(kernelShape),
})
export type KernelRow = z.infer<typeof kernelRow>

export const profileReport = z.object({
  device,
  model: z.object({ id: z.string(), name: z.string() }),
  /** false: with matrices one by one (loadSettings.fused). */
  fused: z.boolean().optional(),
  promptTokens: z.number().int(),
  completionTokens: z.number().int(),
  /** Of the generation, without what profiling cost it (profilingMs). */
  wallMs: z.number(),
  /** Of the same request without profiling, in turn with it. */
  plainWallMs: z.number(),
  /** The host's own work. */
  hostMs: z.number(),
  host: z.object({ recordMs: z.number(), submitMs: z.number(), sampleMs: z.number(), deliverMs: z.number() }),
  /** The GPU without a kernel although a step is under way. */
  gapMs: z.number(),
  gaps: z.object({ launchMs: z.number(), betweenMs: z.number(), wakeMs: z.number() }),
  unattributedMs: z.number(),
  /** What profiling cost beside wallMs: stamps, and reading them. */
  profilingMs: z.number(),
  /** Missing in profiles of earlier versions, which ran once. */
  profiling: z.object({ stampsMs: z.number(), readMs: z.number() }).optional(),
  /** How often it ran, plain and profiled; the quickest of each counts. */
  rounds: z.number().int().optional(),
  /** What a pair of stamps adds to the time between them: taken off each kernel's. */
  stampCostMs: z.number(),
  /** submits: the adapter has no stamps. */
  timing: z.enum(['stamps', 'submits']),
  ceilings: z.array(ceiling),
  kernels: z.array(kernelRow),
})
export type ProfileReport = z.infer<typeof profileReport>

/** Generates alone, once to compile, once plain and once with every kernel timed. A job: it stands in the run history. */
export const profilerRun = defineStream('profiler.run', {
  input: z.object({
    /** A library id or a path; null: the default model. */
    model: z.string().min(1).max(4096).nullable().default(null),
    load: loadSettings.prefault({}),
    prompt: z.string().min(1).max(1_000_000),
    maxTokens: z.number().int().min(1).max(100_000).default(32),
  }),
  event: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('progress'),
      jobId: z.string(),
      stage: z.enum(['load', 'warm-up', 'plain', 'profile', 'groups', 'ceilings']),
    }),
    z.object({ kind: z.literal('finished'), runId: z.string(), report: profileReport }),
  ]),
})

/** Profiles of the run history, newest first. */
export const profilerList = defineRoute('profiler.list', {
  input: z.object({ limit: z.number().int().min(1).max(500).default(100) }),
  output: z.array(
    profileReport
      .pick({ device: true, model: true, promptTokens: true, completionTokens: true, wallMs: true })
      .extend({ runId: z.string(), title: z.string(), startedAt: z.number() }),
  ),
})
export const profilerGet = defineRoute('profiler.get', {
  input: z.object({ runId: z.string().min(1).max(200) }),
  output: profileReport.extend({ runId: z.string(), title: z.string(), startedAt: z.number() }),
})

/** What happened when: the host's work, submissions and kernels, in milliseconds since the request. */
export const timeline = z.object({
  steps: z.array(z.object({ phase, beginMs: z.number(), elapsedMs: z.number() })),
  events: z.array(
    z.object({
      lane: z.enum(['host', 'submit', 'gpu']),
      name: z.string(),
      /** Where in the model a kernel ran. */
      scope: z.string(),
      step: z.number().int(),
      beginMs: z.number(),
      elapsedMs: z.number(),
    }),
  ),
})
export type Timeline = z.infer<typeof timeline>
export const profilerTimeline = defineRoute('profiler.timeline', {
  input: z.object({ runId: z.string().min(1).max(200) }),
  output: timeline,
})

/** What this adapter was seen to do at best; none before the first measurement. */
export const profilerCeilings = defineRoute('profiler.ceilings', {
  input: z.object({}),
  output: z.object({ device: device.nullable(), ceilings: z.array(ceiling), measuredAt: z.number().nullable() }),
})
/** Measures them anew, whatever was kept. */
export const profilerMeasure = defineStream('profiler.measure', {
  input: z.object({ repetitions: z.number().int().min(1).max(100).default(5) }),
  event: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('progress'), name: z.string(), done: z.number(), total: z.number() }),
    z.object({ kind: z.literal('finished'), device, ceilings: z.array(ceiling), measuredAt: z.number() }),
  ]),
})

export const schedulePolicy = z.enum(['static', 'dynamic', 'continuous'])
export type SchedulePolicy = z.infer<typeof schedulePolicy>

/** One request's way through a policy, in milliseconds since the first arrived. */
const scheduleLane = z.object({
  promptTokens: z.number().int(),
  answerTokens: z.number().int(),
  arrivedMs: z.number(),
  /** Got a slot. */
  startedMs: z.number(),
  firstTokenMs: z.number(),
  endedMs: z.number(),
  /** Its slot was free for another: with the batch, when that ends as one. */
  freedMs: z.number(),
})

export const scheduleReport = z.object({
  device,
  model: z.object({ id: z.string(), name: z.string() }),
  slots: z.number().int(),
  windowMs: z.number(),
  policies: z.array(
    z.object({
      policy: schedulePolicy,
      lanes: z.array(scheduleLane),
      makespanMs: z.number(),
      tokensPerSecond: z.number(),
      meanLatencyMs: z.number(),
      p95LatencyMs: z.number(),
      meanTtftMs: z.number(),
      /** Milliseconds in which slots were held without work, over all slots. */
      idleSlotMs: z.number(),
      /** Share of slots times makespan in which a slot worked. */
      utilization: z.number(),
    }),
  ),
})
export type ScheduleReport = z.infer<typeof scheduleReport>

/**
 * The same requests three times: in batches that wait to be full and for their slowest; in batches that are formed by size or after a
 * window; and continuously. A job. The model answers nobody else meanwhile.
 */
export const profilerSchedule = defineStream('profiler.schedule', {
  input: z.object({
    model: z.string().min(1).max(4096).nullable().default(null),
    load: loadSettings.prefault({}),
    requests: z.number().int().min(1).max(64).default(12),
    slots: z.number().int().min(1).max(32).default(4),
    /** How long a batch of the dynamic policy waits to fill, from its first request on. */
    windowMs: z.number().min(0).max(60_000).default(500),
    /** The same seed gives the same requests. */
    seed: z.number().int().min(0).max(4_294_967_295).default(1),
  }),
  event: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('progress'),
      jobId: z.string(),
      policy: schedulePolicy,
      done: z.number().int(),
      total: z.number().int(),
    }),
    z.object({ kind: z.literal('finished'), runId: z.string(), report: scheduleReport }),
  ]),
})

/** What holds memory at a moment, in bytes. */
export const memorySample = z.object({
  at: z.number(),
  weightsBytes: z.number(),
  workspaceBytes: z.number(),
  /** Blocks of the key/value cache: held by one sequence, by several, free but remembering, free. */
  kvUsedBytes: z.number(),
  kvSharedBytes: z.number(),
  kvKeptBytes: z.number(),
  kvFreeBytes: z.number(),
  /** On the GPU beside the model that writes: embedders, what is being measured. */
  otherBytes: z.number(),
  vectorsBytes: z.number(),
  databaseBytes: z.number(),
})
export type MemorySample = z.infer<typeof memorySample>

/** The samples since the host began (ten minutes at most), then one whenever something changed. */
export const profilerMemory = defineStream('profiler.memory', {
  input: z.object({}),
  event: z.object({ samples: z.array(memorySample) }),
})
