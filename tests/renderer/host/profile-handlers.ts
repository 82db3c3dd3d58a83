/** The profiler's routes, over profiles that are kept in the world. */
import { type OutputOf } from '../../../src/shared/contract'
import { type Ceiling } from '../../../src/shared/contract/ceilings'
import { type KernelRow, type profilerGet, type Timeline } from '../../../src/shared/contract/profiler'
import { MoruError } from '../../../src/shared/errors'
import { began } from './samples'
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

export function profilerHandlers(world: { profiles: Profile[] }) {
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
    async *profilerRun({ prompt }) {
      for (const stage of ['load', 'warm-up', 'plain', 'profile'] as const)
        yield { kind: 'progress' as const, jobId: 'p9', stage }
      const report = aProfile({ runId: 'p9', title: prompt, startedAt: began + 5000 })
      world.profiles.unshift(report)
      yield { kind: 'finished' as const, runId: 'p9', report }
    },
  } satisfies Partial<Handlers>
}
