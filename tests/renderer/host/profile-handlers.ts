/** The profiler's routes, over profiles that are kept in the world. */
import { type OutputOf } from '../../../src/shared/contract'
import { type Ceiling } from '../../../src/shared/contract/ceilings'
import { type Job } from '../../../src/shared/contract/jobs'
import { type KernelRow, type profilerGet, type Timeline } from '../../../src/shared/contract/profiler'
import { MoruError } from '../../../src/shared/errors'
import { aJob, began } from './samples'
import { type Handlers } from './test-host'

export type Profile = OutputOf<typeof profilerGet>

const device = { adapter: 'llvmpipe', driver: 'Mesa 25.0.7', backend: 'Vulkan', software: true }
export const ceilings: Ceiling[] = [
  { name: 'stream_read', value: 24, unit: 'GB/s', spread: 0.06 },
  { name: 'stream_copy', value: 18, unit: 'GB/s', spread: 0.08 },
  { name: 'cache_read', value: 40, unit: 'GB/s', spread: 0.1 },
  { name: 'multiply_add', value: 140, unit: 'GFLOP/s', spread: 0.05 },
  { name: 'multiply_add_f16', value: 17, unit: 'GFLOP/s', spread: 0.05 },
  { name: 'dot_int8', value: 60, unit: 'GOP/s', spread: 0.05 },
  { name: 'dispatch', value: 14, unit: 'us', spread: 0.2 },
  { name: 'submit', value: 80, unit: 'us', spread: 0.2 },
  { name: 'readback', value: 90, unit: 'us', spread: 0.2 },
]

function aKernel(change: Partial<KernelRow> & Pick<KernelRow, 'name' | 'phase' | 'elapsedMs'>): KernelRow {
  const { calls = 100, flops = 1e9, bytes = 3e8, elapsedMs } = change
  const shape = { rows: 576, cols: 1536, tokens: 1 }
  return {
    calls,
    flops,
    bytes,
    intensity: flops / bytes,
    achieved: 0.25,
    bound: 'memory',
    share: elapsedMs / 100,
    arithmetic: 'f32',
    ceiling: 'stream_read',
    shapes: [{ shape, grid: [18, 1], calls, elapsedMs, flops, bytes, timing: 'stamps' }],
    ...change,
  }
}

export function aProfile(change: Partial<Profile> = {}): Profile {
  return {
    runId: 'p1',
    title: 'SmolLM2 135M Instruct: What is an anvil?',
    startedAt: began,
    device,
    model: { id: 'smollm2-135m-instruct', name: 'SmolLM2 135M Instruct' },
    promptTokens: 12,
    completionTokens: 16,
    wallMs: 112,
    plainWallMs: 108,
    hostMs: 6,
    host: { recordMs: 3, submitMs: 2, sampleMs: 0.6, deliverMs: 0.4 },
    gapMs: 4,
    gaps: { launchMs: 1, betweenMs: 1, wakeMs: 2 },
    unattributedMs: 2,
    profilingMs: 9,
    stampCostMs: 0.014,
    timing: 'stamps',
    ceilings,
    kernels: [
      aKernel({ name: 'matmul_vec_q4', phase: 'decode', elapsedMs: 60, flops: 4e9, bytes: 1.3e9 }),
      aKernel({ name: 'matmul_tiled_q4', phase: 'prefill', elapsedMs: 30, flops: 3e9, bytes: 2e7, bound: 'compute', ceiling: 'multiply_add' }), // prettier-ignore
      aKernel({ name: 'rms_norm', phase: 'decode', elapsedMs: 9, flops: 1e6, bytes: 3e6, bound: 'fixed_cost', ceiling: 'dispatch' }), // prettier-ignore
      aKernel({ name: 'gather_rows', phase: 'decode', elapsedMs: 1, flops: 0, bytes: 1e5, intensity: 0 }),
    ],
    ...change,
  }
}

const aTimeline: Timeline = {
  steps: [
    { phase: 'prefill', beginMs: 0, elapsedMs: 40 },
    { phase: 'decode', beginMs: 41, elapsedMs: 5 },
  ],
  events: [
    { lane: 'host', name: 'record', scope: '', step: 0, beginMs: 0, elapsedMs: 2 },
    { lane: 'submit', name: 'submit', scope: '', step: 0, beginMs: 2, elapsedMs: 1 },
    { lane: 'gpu', name: 'matmul_tiled_q4', scope: 'layer.0.attention', step: 0, beginMs: 3, elapsedMs: 36 },
    { lane: 'gpu', name: 'matmul_vec_q4', scope: 'layer.0.attention', step: 1, beginMs: 42, elapsedMs: 3 },
  ],
}

export function profilerHandlers(world: { profiles: Profile[]; jobs: Job[] }) {
  const find = (runId: string) => {
    const found = world.profiles.find((p) => p.runId === runId)
    if (!found) throw new MoruError('not_found', `There is no profile "${runId}" in the run history.`)
    return found
  }
  return {
    profilerList: () => world.profiles,
    profilerGet: ({ runId }) => find(runId),
    profilerTimeline: ({ runId }) => (find(runId), aTimeline),
    profilerCeilings: () => ({ device, ceilings, measuredAt: began }),
    async *profilerMeasure() {
      yield { kind: 'progress' as const, name: 'stream_read', done: 1, total: 2 }
      yield { kind: 'finished' as const, device, ceilings, measuredAt: began + 1 }
    },
    async *profilerMemory(_, signal) {
      const sample = { at: began, weightsBytes: 1e8, workspaceBytes: 3e7, kvUsedBytes: 1e6, kvSharedBytes: 0, kvKeptBytes: 2e6, kvFreeBytes: 5e7, otherBytes: 0, vectorsBytes: 15e5, databaseBytes: 4e6 } // prettier-ignore
      yield { samples: [sample, { ...sample, at: began + 1000, kvUsedBytes: 3e6 }] }
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
    async *profilerSchedule() {
      yield { kind: 'progress' as const, jobId: 's1', policy: 'static' as const, done: 1, total: 6 }
      world.jobs.unshift(
        aJob({ id: 's1', kind: 'schedule', state: 'done', title: '2 / 2', result: aSchedule, endedAt: began }),
      )
      yield { kind: 'finished' as const, runId: 's1', report: aSchedule }
    },
    async *profilerRun({ prompt }) {
      for (const stage of ['load', 'warm-up', 'plain', 'profile'] as const)
        yield { kind: 'progress' as const, jobId: 'p9', stage }
      const report = aProfile({ runId: 'p9', title: prompt, startedAt: began + 5000 })
      world.profiles.unshift(report)
      yield { kind: 'finished' as const, runId: 'p9', report }
    },
  } satisfies Partial<Handlers>
}

export const aSchedule = {
  device,
  model: { id: 'smollm2-135m-instruct', name: 'SmolLM2 135M Instruct' },
  slots: 2,
  windowMs: 500,
  policies: (['static', 'dynamic', 'continuous'] as const).map((policy, i) => ({
    policy,
    lanes: [
      { promptTokens: 20, answerTokens: 30, arrivedMs: 0, startedMs: 10, firstTokenMs: 60, endedMs: 400, freedMs: 400 },
      { promptTokens: 20, answerTokens: 5, arrivedMs: 5, startedMs: 10, firstTokenMs: 60, endedMs: 100, freedMs: i < 2 ? 400 : 100 }, // prettier-ignore
    ],
    makespanMs: 400,
    tokensPerSecond: 87.5,
    meanLatencyMs: 247.5,
    p95LatencyMs: 400,
    meanTtftMs: 57.5,
    idleSlotMs: i < 2 ? 300 : 0,
    utilization: 0.6,
  })),
}

export const aBatch = {
  model: 'SmolLM2 135M Instruct',
  bitsPerWeight: 5,
  flopsPerToken: 2.7e8,
  weightBytes: 9e7,
  predictedBatch: 2.1,
  measuredKnee: 5.4,
  points: [1, 2, 4].map((batch) => ({
    batch,
    tokensPerSecond: 25 * Math.sqrt(batch),
    stepMs: 40 * Math.sqrt(batch),
    computeMs: 1.9 * batch,
    transferMs: 3.8,
  })),
}
