import { z } from 'zod'
import { defineStream } from './core'
import { loadSettings } from './sampling'

/** What the device was seen to do at best in the same run. */
const profileCeiling = z.object({
  name: z.string(),
  value: z.number(),
  unit: z.enum(['GB/s', 'GFLOP/s']),
  spread: z.number(),
})

/** All calls of one GPU kernel in one phase. */
export const kernelRow = z.object({
  name: z.string(),
  phase: z.enum(['prefill', 'decode']),
  calls: z.number().int(),
  elapsedMs: z.number(),
  flops: z.number(),
  bytes: z.number(),
  /** flops / bytes */
  intensity: z.number(),
  /** Reached share of the ceiling that bounds it, 1 at the ceiling. */
  achieved: z.number(),
  /** fixed_cost: a call takes hardly longer than the stamps around it. */
  bound: z.enum(['memory', 'compute', 'fixed_cost']),
  /** elapsedMs / sum of elapsedMs */
  share: z.number(),
})

export const profileReport = z.object({
  device: z.object({ adapter: z.string(), driver: z.string(), backend: z.string(), software: z.boolean() }),
  /** Of the generation, without reading the stamps (profilingMs). */
  wallMs: z.number(),
  hostMs: z.number(),
  gapMs: z.number(),
  unattributedMs: z.number(),
  profilingMs: z.number(),
  /** What a pair of stamps adds to each kernel's time. */
  stampCostMs: z.number(),
  ceilings: z.array(profileCeiling),
  kernels: z.array(kernelRow),
})
export type ProfileReport = z.infer<typeof profileReport>

/** Generates once with every kernel timed, after a warm-up that compiles. The model answers nobody else meanwhile. */
export const profilerRun = defineStream('profiler.run', {
  input: z.object({
    /** A library id or a path; null: the default model. */
    model: z.string().min(1).max(4096).nullable().default(null),
    load: loadSettings.prefault({}),
    prompt: z.string().min(1).max(1_000_000),
    maxTokens: z.number().int().min(1).max(100_000).default(32),
  }),
  event: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('progress'), stage: z.enum(['load', 'warm-up', 'ceilings', 'profile']) }),
    z.object({ kind: z.literal('finished'), report: profileReport }),
  ]),
})
