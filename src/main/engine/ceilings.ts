/** What a device can do at best, by micro-benchmarks: the lines of a roofline and the fixed costs of using it at all. */
import { type Ceiling, type CeilingName } from '../../shared/contract/ceilings'
import { Probe } from './bench'
import { type Gpu } from './device/gpu'
import { dotInt8, multiplyAdd, streamCopy, streamRead } from './kernels/ceilings'
import { type Kernel } from './kernels/define-kernel'
import { Recorder } from './kernels/recorder'

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

type RecordCalls = (recorder: Recorder) => void

function rateProbe(
  gpu: Gpu,
  name: CeilingName,
  unit: Ceiling['unit'],
  amount: number,
  buffers: GPUBuffer[],
  record: RecordCalls,
): CeilingProbe {
  const probe = new Probe(gpu, { flops: 0, bytes: 0 }, buffers, record)
  return {
    name,
    unit,
    measure: async () => amount / 1e6 / (await probe.measure()),
    release: () => probe.release(),
  }
}

const vectorsThatFit = (gpu: Gpu, bytes: number) => Math.floor(Math.min(bytes, gpu.maxBindingBytes) / 16)
const costOf = (count: Kernel['flops'], gpu: Gpu, shape: { [name: string]: number }) =>
  count({ ...shape, LANES: gpu.profile.lanes })

async function readProbe(gpu: Gpu, name: CeilingName, bytes: number, run: number, rounds: number) {
  const count = vectorsThatFit(gpu, bytes)
  const shape = { count, run, groups: Math.ceil(count / run) * rounds }
  const x = await gpu.allocate('ceiling stream', count * 16)
  const out = await gpu.allocate('ceiling stream result', shape.groups * gpu.profile.lanes * 4)
  return rateProbe(gpu, name, 'GB/s', costOf(streamRead.bytes, gpu, shape), [x, out], (recorder) =>
    recorder.run(streamRead, {}, { x, out }, shape),
  )
}

async function copyProbe(gpu: Gpu): Promise<CeilingProbe> {
  const shape = { count: vectorsThatFit(gpu, streamBytes / 2), run: streamRun }
  const x = await gpu.allocate('ceiling copy source', shape.count * 16)
  const y = await gpu.allocate('ceiling copy target', shape.count * 16)
  return rateProbe(gpu, 'stream_copy', 'GB/s', costOf(streamCopy.bytes, gpu, shape), [x, y], (recorder) =>
    recorder.run(streamCopy, {}, { x, y }, shape),
  )
}

async function chainBuffers(gpu: Gpu, groups: number, starts: ArrayBufferView<ArrayBuffer>) {
  const x = await gpu.allocate('ceiling chains', starts.byteLength)
  gpu.write(x, 0, starts)
  return { x, out: await gpu.allocate('ceiling chains result', groups * gpu.profile.lanes * 4) }
}

async function multiplyAddProbe(gpu: Gpu, number: 'f32' | 'f16'): Promise<CeilingProbe> {
  const shape = { groups: gpu.profile.parallelWorkgroups * 16, rounds: 2048, factor: 0.999, shift: 0.001 }
  const starts = Float32Array.from({ length: gpu.profile.lanes * 16 }, (_, i) => i / 16)
  const values = number === 'f16' ? Float16Array.from(starts) : starts
  const { x, out } = await chainBuffers(gpu, shape.groups, values)
  const name = number === 'f32' ? 'multiply_add' : 'multiply_add_f16'
  return rateProbe(gpu, name, 'GFLOP/s', costOf(multiplyAdd.flops, gpu, shape), [x, out], (recorder) =>
    recorder.run(multiplyAdd, { NUMBER: number }, { x, out }, shape),
  )
}

async function dotProbe(gpu: Gpu): Promise<CeilingProbe> {
  const shape = { groups: gpu.profile.parallelWorkgroups * 16, rounds: 512, factor: 0x03fd02ff }
  const { x, out } = await chainBuffers(gpu, shape.groups, Int32Array.from({ length: gpu.profile.lanes * 16 }, (_, i) => i * 7919)) // prettier-ignore
  return rateProbe(gpu, 'dot_int8', 'GOP/s', costOf(dotInt8.flops, gpu, shape), [x, out], (recorder) =>
    recorder.run(dotInt8, {}, { x, out }, shape),
  )
}

/** What a trivial kernel needs: a dispatch that does next to nothing. */
async function trivialKernel(gpu: Gpu) {
  const shape = { groups: 1, rounds: 0, factor: 0, shift: 0 }
  const { x, out } = await chainBuffers(gpu, 1, new Float32Array(gpu.profile.lanes * 16))
  const recorder = new Recorder(gpu)
  return { recorder, buffers: [x, out], run: () => recorder.run(multiplyAdd, { NUMBER: 'f32' }, { x, out }, shape) }
}

/** Dispatches that wait for one another, as those of a decoding step do: they write the same buffer. The shortest of some groups. */
async function dispatchProbe(gpu: Gpu): Promise<CeilingProbe> {
  const { recorder, buffers, run } = await trivialKernel(gpu)
  const group = async () => {
    for (let i = 0; i < tinyDispatches; i++) run()
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
    release: () => buffers.forEach((buffer) => gpu.release(buffer)),
  }
}

/** One dispatch, submitted and waited for; 'readback': its result, four bytes, read as well. The median of many. */
async function roundTripProbe(gpu: Gpu, name: 'submit' | 'readback'): Promise<CeilingProbe> {
  const { recorder, buffers, run } = await trivialKernel(gpu)
  const staging = await gpu.allocate('ceiling readback', 16, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST)
  const once = async () => {
    const start = performance.now()
    run()
    if (name === 'readback') recorder.copy(buffers[1], 0, staging, 0, 4)
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
    release: () => [...buffers, staging].forEach((buffer) => gpu.release(buffer)),
  }
}
