/** What a device can do at best, by micro-benchmarks: the lines of a roofline and the fixed costs of using it at all. */
import { type Ceiling, type CeilingName } from '../../shared/contract/ceilings'
import { Probe } from './bench'
import { type Gpu } from './device/gpu'
import { dotInt8, multiplyAdd, streamCopy, streamRead } from './kernels/ceilings'
import { type ConstantValue, type TypedKernel } from './kernels/define-kernel'
import { Recorder } from './kernels/recorder'
import { shortestCall } from './kernels/shortest-call'

export interface CeilingProbe {
  name: CeilingName
  unit: Ceiling['unit']
  /** One value in the unit. The first also compiles: let it not count. Throws device_lost. */
  measure(): Promise<number>
  release(): void
}

/** More than any cache holds, as far as a binding reaches. */
const streamBytes = 256 << 20
/** Less than the second-level cache of any device of today, read over and over. */
const cachedBytes = 256 << 10
/** vec4s of a workgroup's run. */
const streamRun = 4096
const cachedRun = 2048
const cachedRounds = 512
const roundTrips = 64
const tinyDispatches = 256
const dispatchGroups = 12

type Open = (gpu: Gpu) => Promise<CeilingProbe>

/** Probes by name, all of them unless some are named; f16 only where the device has it. Throws out_of_memory. */
export async function ceilingProbes(gpu: Gpu, names?: readonly CeilingName[]): Promise<CeilingProbe[]> {
  const probes: CeilingProbe[] = []
  for (const [name, open] of Object.entries(openers) as [CeilingName, Open][]) {
    if (names && !names.includes(name)) continue
    if (name === 'multiply_add_f16' && !gpu.profile.halfFloats) continue
    probes.push(await open(gpu))
  }
  return probes
}

const openers: Record<CeilingName, Open> = {
  stream_read: (gpu) => readProbe(gpu, 'stream_read', streamBytes, streamRun, 1),
  stream_copy: copyProbe,
  cache_read: (gpu) => readProbe(gpu, 'cache_read', cachedBytes, cachedRun, cachedRounds),
  multiply_add: (gpu) => multiplyAddProbe(gpu, 'f32'),
  multiply_add_f16: (gpu) => multiplyAddProbe(gpu, 'f16'),
  dot_int8: dotProbe,
  dispatch: dispatchProbe,
  submit: (gpu) => roundTripProbe(gpu, 'submit'),
  readback: (gpu) => roundTripProbe(gpu, 'readback'),
}

interface Work<B extends string, P extends string, C extends string> {
  kernel: TypedKernel<B, P, C>
  constants: Record<C, ConstantValue>
  buffers: Record<B, GPUBuffer>
  values: Record<P, number>
}

/** How much a kernel gets done in a second: of bytes where the unit is GB/s, else of operations. */
function rateProbe<B extends string, P extends string, C extends string>(
  gpu: Gpu,
  name: CeilingName,
  unit: Ceiling['unit'],
  { kernel, constants, buffers, values }: Work<B, P, C>,
): CeilingProbe {
  const shape = { ...values, LANES: gpu.profile.lanes }
  const cost = { flops: kernel.flops(shape), bytes: kernel.bytes(shape) }
  const probe = new Probe(gpu, cost, Object.values(buffers), (recorder) =>
    recorder.run(kernel, constants, buffers, values),
  )
  const amount = unit === 'GB/s' ? cost.bytes : cost.flops
  return {
    name,
    unit,
    measure: async () => amount / 1e6 / (await probe.measure()),
    release: () => probe.release(),
  }
}

const vectorsThatFit = (gpu: Gpu, bytes: number) => Math.floor(Math.min(bytes, gpu.maxBindingBytes) / 16)

async function readProbe(gpu: Gpu, name: CeilingName, bytes: number, run: number, rounds: number) {
  const count = vectorsThatFit(gpu, bytes)
  const values = { count, run, groups: Math.ceil(count / run) * rounds }
  const x = await gpu.allocate('ceiling stream', count * 16)
  const out = await gpu.allocate('ceiling stream result', values.groups * gpu.profile.lanes * 4)
  return rateProbe(gpu, name, 'GB/s', { kernel: streamRead, constants: {}, buffers: { x, out }, values })
}

async function copyProbe(gpu: Gpu): Promise<CeilingProbe> {
  const values = { count: vectorsThatFit(gpu, streamBytes / 2), run: streamRun }
  const x = await gpu.allocate('ceiling copy source', values.count * 16)
  const y = await gpu.allocate('ceiling copy target', values.count * 16)
  return rateProbe(gpu, 'stream_copy', 'GB/s', { kernel: streamCopy, constants: {}, buffers: { x, y }, values })
}

/** `starts`: of the chains of every lane. */
async function chainBuffers(gpu: Gpu, groups: number, starts: ArrayBufferView<ArrayBuffer>) {
  const x = await gpu.allocate('ceiling chains', starts.byteLength)
  gpu.write(x, 0, starts)
  return { x, out: await gpu.allocate('ceiling chains result', groups * gpu.profile.lanes * 4) }
}

async function multiplyAddProbe(gpu: Gpu, number: 'f32' | 'f16'): Promise<CeilingProbe> {
  const values = { groups: gpu.profile.parallelWorkgroups * 16, rounds: 2048, factor: 0.999, shift: 0.001 }
  const starts = Float32Array.from({ length: gpu.profile.lanes * 16 }, (_, i) => i / 16)
  const buffers = await chainBuffers(gpu, values.groups, number === 'f16' ? Float16Array.from(starts) : starts)
  const name = number === 'f32' ? 'multiply_add' : 'multiply_add_f16'
  return rateProbe(gpu, name, 'GFLOP/s', { kernel: multiplyAdd, constants: { NUMBER: number }, buffers, values })
}

async function dotProbe(gpu: Gpu): Promise<CeilingProbe> {
  const values = { groups: gpu.profile.parallelWorkgroups * 16, rounds: 512, factor: 0x03fd02ff }
  const starts = Int32Array.from({ length: gpu.profile.lanes * 16 }, (_, i) => i * 7919)
  const buffers = await chainBuffers(gpu, values.groups, starts)
  return rateProbe(gpu, 'dot_int8', 'GOP/s', { kernel: dotInt8, constants: {}, buffers, values })
}

/** Dispatches that wait for one another, as those of a decoding step do. The shortest of some groups. */
async function dispatchProbe(gpu: Gpu): Promise<CeilingProbe> {
  const recorder = new Recorder(gpu)
  const call = await shortestCall(gpu, recorder)
  const group = async () => {
    for (let i = 0; i < tinyDispatches; i++) call.run()
    const start = performance.now()
    recorder.submit()
    await gpu.idle()
    return ((performance.now() - start) * 1e3) / tinyDispatches
  }
  return {
    name: 'dispatch',
    unit: 'us',
    measure: async () => {
      let best = Infinity
      for (let i = 0; i < dispatchGroups; i++) best = Math.min(best, await group())
      return best
    },
    release: () => call.release(),
  }
}

/** One dispatch, submitted and waited for; 'readback': its result, four bytes, read as well. The median of many. */
async function roundTripProbe(gpu: Gpu, name: 'submit' | 'readback'): Promise<CeilingProbe> {
  const recorder = new Recorder(gpu)
  const call = await shortestCall(gpu, recorder)
  const staging = await gpu.allocate('ceiling readback', 16, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST)
  const once = async () => {
    const start = performance.now()
    call.run()
    if (name === 'readback') recorder.copy(call.out, 0, staging, 0, 4)
    recorder.submit()
    if (name === 'readback') await gpu.mapped(staging, 4)
    else await gpu.idle()
    return (performance.now() - start) * 1e3
  }
  return {
    name,
    unit: 'us',
    measure: async () => {
      const times: number[] = []
      for (let i = 0; i < roundTrips; i++) times.push(await once())
      return times.sort((a, b) => a - b)[roundTrips / 2]
    },
    release: () => {
      call.release()
      gpu.release(staging)
    },
  }
}
