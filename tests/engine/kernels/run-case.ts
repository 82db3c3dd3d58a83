/** Runs a kernel's case on a device and compares what comes out. */
import { type Gpu } from '../../../src/main/engine/device/gpu'
import { type TypedKernel } from '../../../src/main/engine/kernels/define-kernel'
import { type Recorder } from '../../../src/main/engine/kernels/recorder'
import { type ElementType, type Expected, type KernelCase } from '../../cases/kernel-case'

/** The largest miss of an expectation, in words; null when all is within bounds. */
export async function runCase(gpu: Gpu, recorder: Recorder, testCase: KernelCase): Promise<string | null> {
  const run = testCase.prepare(gpu.profile)
  const kernel = testCase.kernel as TypedKernel<string, string, string>
  const buffers: Record<string, GPUBuffer> = {}
  for (const name of [...Object.keys(kernel.inputs), ...Object.keys(kernel.outputs)]) {
    const data = run.buffers[name]
    buffers[name] = await gpu.allocate(name, data.byteLength)
    gpu.write(buffers[name], 0, padded(data))
  }
  recorder.run(kernel, run.constants, buffers, run.values)
  const outputs = [...new Set(run.expected.map((e) => e.output))]
  const bytes = await download(gpu, recorder, outputs.map((name) => buffers[name])) // prettier-ignore
  for (const buffer of Object.values(buffers)) gpu.release(buffer)
  for (const expected of run.expected) {
    const miss = worstMiss(bytes[outputs.indexOf(expected.output)], expected)
    if (miss) return miss
  }
  return null
}

/** Whole words, as queue writes must be. */
function padded(data: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(Math.ceil(data.byteLength / 4) * 4)
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  return out
}

async function download(gpu: Gpu, recorder: Recorder, buffers: GPUBuffer[]): Promise<ArrayBuffer[]> {
  const total = buffers.reduce((sum, b) => sum + b.size, 0)
  const staging = await gpu.allocate('staging', total, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST)
  let at = 0
  for (const buffer of buffers) {
    recorder.copy(buffer, 0, staging, at, buffer.size)
    at += buffer.size
  }
  recorder.submit()
  const bytes = await gpu.mapped(staging, total)
  gpu.release(staging)
  at = 0
  return buffers.map((b) => bytes.slice(at, (at += b.size)))
}

function view(bytes: ArrayBuffer, type: ElementType): ArrayLike<number> {
  if (type === 'f32') return new Float32Array(bytes)
  return type === 'f16' ? new Float16Array(bytes) : new Uint32Array(bytes)
}

/** Compares every element; reports the one farthest past its bound. */
function worstMiss(bytes: ArrayBuffer, expected: Expected): string | null {
  const { output, type, first = 0, stride = 1, values, allowed, ordered } = expected
  const got = view(ordered ? ordered(bytes) : bytes, type)
  let worst = 0
  let report: string | null = null
  for (let i = 0; i < values.length; i++) {
    const value = got[first + i * stride]
    const bound = typeof allowed === 'number' ? allowed : allowed[i]
    if (Object.is(value, values[i]) || value === values[i]) continue
    const excess = Math.abs(value - values[i]) - bound
    if (excess <= 0 || (Number.isNaN(excess) && worst === Infinity)) continue
    if (excess <= worst) continue
    worst = Number.isNaN(excess) ? Infinity : excess
    report = `${output}[${first + i * stride}] is ${value}, expected ${values[i]} within ${bound}`
  }
  return report
}
