/** Kernels timed on their own: matrix products as the layers run them. */
import { MoruError } from '../../shared/errors'
import { type Gpu } from './device/gpu'
import { Recorder } from './kernels/recorder'
import { Linear } from './layers/linear'
import { layoutOf, layoutOfCodes, packedBytes, type PackedFormat, type PackedLayout } from './quant/packed-layout'

export interface KernelProbe {
  /** Floating-point operations and bytes that must move, of one call. */
  flops: number
  bytes: number
  /** Milliseconds of one call, from as many as take long enough to be timed. The first also compiles: let it not count. Throws device_lost. */
  measure(): Promise<number>
  release(): void
}

/** Shorter spans tell more of waiting and of the clock than of the kernel. */
const spanMs = 80
const mostCalls = 4096

export class Probe implements KernelProbe {
  readonly flops: number
  readonly bytes: number
  private readonly gpu: Gpu
  private readonly recorder: Recorder
  private readonly record: (recorder: Recorder) => void
  private readonly buffers: GPUBuffer[]
  private calls = 1
  private settled = false

  constructor(
    gpu: Gpu,
    cost: { flops: number; bytes: number },
    buffers: GPUBuffer[],
    record: (recorder: Recorder) => void,
  ) {
    this.gpu = gpu
    this.flops = cost.flops
    this.bytes = cost.bytes
    this.buffers = buffers
    this.record = record
    this.recorder = new Recorder(gpu)
  }

  async measure(): Promise<number> {
    if (!this.settled) await this.settle()
    return (await this.time()) / this.calls
  }

  release(): void {
    for (const buffer of this.buffers) this.gpu.release(buffer)
  }

  /** Compiles, then finds how many calls fill the span. */
  private async settle(): Promise<void> {
    await this.time()
    for (let elapsed = await this.time(); elapsed < spanMs && this.calls < mostCalls; elapsed = await this.time()) {
      const wanted = Math.ceil((this.calls * spanMs * 1.1) / Math.max(elapsed, 0.01))
      this.calls = Math.min(mostCalls, this.calls * 16, Math.max(wanted, this.calls + 1))
    }
    this.settled = true
  }

  private async time(): Promise<number> {
    for (let i = 0; i < this.calls; i++) this.record(this.recorder)
    const start = performance.now()
    this.recorder.submit()
    await this.gpu.idle()
    return performance.now() - start
  }
}

export interface MatrixShape {
  tokens: number
  rows: number
  cols: number
}

const grouped = { group: 64, affine: true, offset: 0, codebook: null, ordered: false } as const

/** For each packed format the layout that is the commonest: of a GGML type, or of a quantization method with groups of 64. */
const layouts: Record<PackedFormat, PackedLayout> = {
  q2: layoutOfCodes({ ...grouped, bits: 2 }, 'f16', 0),
  q3: layoutOfCodes({ ...grouped, bits: 3 }, 'f16', 0),
  q4: layoutOf('q4_1'),
  q5: layoutOf('q5_1'),
  q6: layoutOfCodes({ ...grouped, bits: 6 }, 'f16', 0),
  q8: layoutOf('q8_0'),
  nf4: layoutOfCodes({ ...grouped, bits: 4, affine: false, codebook: 'nf4' }, 'f32', 0),
  fp4: layoutOfCodes({ ...grouped, bits: 4, affine: false, codebook: 'fp4' }, 'f32', 0),
  f16: layoutOf('f16'),
  bf16: layoutOf('bf16'),
  f32: layoutOf('f32'),
}

/** y [tokens, rows] = x [tokens, cols] W^T with weights of a format, by the kernel that a layer would choose. Throws out_of_memory. */
export async function matrixProbe(
  gpu: Gpu,
  format: PackedFormat,
  shape: MatrixShape,
  layout = layouts[format],
): Promise<KernelProbe> {
  const { tokens, rows, cols } = shape
  const buffers: GPUBuffer[] = []
  const filled = async (label: string, bytes: number, pattern: PackedFormat) => {
    const buffer = await gpu.allocate(`bench ${label}`, bytes)
    buffers.push(buffer)
    fill(gpu, buffer, bytes, patternOf(pattern))
    return buffer
  }
  const bytes = packedBytes(layout, rows, cols, gpu.profile.lanes)
  if (bytes.weights > gpu.maxBindingBytes)
    throw new MoruError('unsupported', `A ${rows} x ${cols} matrix of ${format} is too large for this adapter to bind.`)
  const none = await filled('unused', 16, 'f32')
  const piece = {
    firstRow: 0,
    rows,
    weights: await filled('weights', bytes.weights, format),
    scales: bytes.scales > 0 ? await filled('scales', bytes.scales, layout.wide ? 'f32' : 'f16') : none,
    highBits: bytes.highBits > 0 ? await filled('high bits', bytes.highBits, 'q8') : none,
  }
  const x = await filled('inputs', tokens * cols * 4, 'f32')
  const y = await filled('outputs', tokens * rows * 4, 'f32')
  const linear = new Linear([{ layout, rows, cols, pieces: [piece], columns: null }], null, {
    none,
    ordered: none,
    roundedInputs: { codes: none, scales: none, outliers: none },
  })
  const cost = {
    flops: 2 * tokens * rows * cols,
    bytes: bytes.weights + bytes.scales + bytes.highBits + 4 * tokens * (rows + cols),
  }
  const call = { x, y, tokens, input: 'f32', output: 'f32' } as const
  return new Probe(gpu, cost, buffers, (recorder) => linear.run({ recorder }, call))
}

const patternWords = 1 << 14

/** Words to repeat: any codes, but numbers of ordinary size, because denormals and NaN are slow on processors. */
function patternOf(format: PackedFormat): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(patternWords)
  const number = () => Math.random() - 0.5 || 0.25
  if (format === 'f32') new Float32Array(words.buffer).forEach((_, i, all) => (all[i] = number()))
  else if (format === 'f16') new Float16Array(words.buffer).forEach((_, i, all) => (all[i] = number()))
  else if (format === 'bf16') {
    const floats = Float32Array.from({ length: 2 * patternWords }, number)
    const halves = new Uint16Array(words.buffer)
    new Uint32Array(floats.buffer).forEach((bits, i) => (halves[i] = bits >>> 16))
  } else words.forEach((_, i) => (words[i] = Math.random() * 2 ** 32))
  return words
}

function fill(gpu: Gpu, buffer: GPUBuffer, bytes: number, pattern: Uint32Array<ArrayBuffer>): void {
  for (let at = 0; at < bytes; at += pattern.byteLength)
    gpu.write(buffer, at, pattern.subarray(0, Math.ceil(Math.min(pattern.byteLength, bytes - at) / 4)))
}
