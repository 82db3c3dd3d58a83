/** Times every kernel of a recorder by stamps of the GPU around passes of their own. */
import { MoruError } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { numericConstants } from './compose'
import { type Shape } from './define-kernel'
import { type KernelCall, type RecordObserver } from './recorder'

/** WebGPU's bound on a query set. */
const mostStamps = 4096

export interface TimedCall {
  kernel: string
  scope: string
  /** On the clock of process.hrtime.bigint(), in nanoseconds. */
  beginNs: number
  endNs: number
  flops: number
  bytes: number
  shape: Shape
}

/**
 * Attach as a recorder's observer. Every kernel gets a pass with two stamps, which costs time itself: `stampCostNs`, measured on empty
 * passes, is what a stamp pair adds to a kernel's own time.
 */
export class KernelTimer implements RecordObserver {
  /** Median time between the two stamps of a pass without work. */
  readonly stampCostNs: number
  private readonly gpu: Gpu
  private readonly stamps: GPUQuerySet
  private readonly resolved: GPUBuffer
  private readonly staging: GPUBuffer
  private calls: KernelCall[] = []

  private constructor(gpu: Gpu, stamps: GPUQuerySet, resolved: GPUBuffer, staging: GPUBuffer, stampCostNs: number) {
    this.gpu = gpu
    this.stamps = stamps
    this.resolved = resolved
    this.staging = staging
    this.stampCostNs = stampCostNs
  }

  /** Throws unsupported where the adapter has no time stamps. */
  static async open(gpu: Gpu): Promise<KernelTimer> {
    if (!gpu.features.has('timestamp-query'))
      throw new MoruError(
        'unsupported',
        'The adapter has no time stamps (timestamp-query), so kernels cannot be timed one by one.',
      )
    const stamps = gpu.device.createQuerySet({ type: 'timestamp', count: mostStamps })
    const resolved = await gpu.allocate(
      'time stamps',
      mostStamps * 8,
      GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    )
    const staging = await gpu.allocate(
      'time stamps read back',
      mostStamps * 8,
      GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    )
    const cost = await emptyPassNs(gpu, stamps, resolved, staging)
    return new KernelTimer(gpu, stamps, resolved, staging, cost)
  }

  release(): void {
    this.stamps.destroy()
    this.gpu.release(this.resolved)
    this.gpu.release(this.staging)
  }

  before(call: KernelCall): GPUComputePassDescriptor | undefined {
    const first = this.calls.length * 2
    // What passes the query set goes on unstamped: it shows as time that cannot be attributed.
    if (first + 2 > mostStamps) return undefined
    this.calls.push(call)
    return {
      timestampWrites: { querySet: this.stamps, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 },
    }
  }

  beforeSubmit(encoder: GPUCommandEncoder): void {
    if (this.calls.length > 0) resolveStamps(encoder, this.stamps, this.resolved, this.staging, this.calls.length * 2)
  }

  /** The calls of the last submission, once it is done; forgets them. */
  async collect(): Promise<TimedCall[]> {
    const calls = this.calls
    this.calls = []
    if (calls.length === 0) return []
    const times = new BigUint64Array(await this.gpu.mapped(this.staging, calls.length * 16))
    return calls.map((call, i) => {
      const shape = { ...numericConstants(call.constants), ...call.values, LANES: this.gpu.profile.lanes }
      return {
        kernel: call.kernel.name,
        scope: call.scope,
        beginNs: Number(times[i * 2]),
        endNs: Number(times[i * 2 + 1]),
        flops: call.kernel.flops(shape),
        bytes: call.kernel.bytes(shape),
        shape,
      }
    })
  }
}

function resolveStamps(
  encoder: GPUCommandEncoder,
  stamps: GPUQuerySet,
  resolved: GPUBuffer,
  staging: GPUBuffer,
  count: number,
): void {
  encoder.resolveQuerySet(stamps, 0, count, resolved, 0)
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, count * 8)
}

async function emptyPassNs(gpu: Gpu, stamps: GPUQuerySet, resolved: GPUBuffer, staging: GPUBuffer): Promise<number> {
  const passes = 32
  const encoder = gpu.device.createCommandEncoder()
  for (let i = 0; i < passes; i++)
    encoder
      .beginComputePass({
        timestampWrites: { querySet: stamps, beginningOfPassWriteIndex: i * 2, endOfPassWriteIndex: i * 2 + 1 },
      })
      .end()
  resolveStamps(encoder, stamps, resolved, staging, passes * 2)
  gpu.device.queue.submit([encoder.finish()])
  const times = new BigUint64Array(await gpu.mapped(staging, passes * 16))
  const costs = Array.from({ length: passes }, (_, i) => Number(times[i * 2 + 1] - times[i * 2])).sort((a, b) => a - b)
  return costs[passes / 2]
}
