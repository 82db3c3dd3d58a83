/** Times every kernel of a recorder by stamps of the GPU around passes of their own. */
import { MoruError } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { numericConstants } from './compose'
import { type Shape } from './define-kernel'
import { type KernelCall, type RecordObserver } from './recorder'
import { stampCostNs } from './stamp-cost'
import { StampSet } from './stamps'

export interface KernelCost {
  flops: number
  bytes: number
  /** Constants that are numbers, parameters and measures. */
  shape: Shape
}

/** What a call costs by its kernel's own account. */
export function costOf({ kernel, constants, values }: KernelCall, lanes: number): KernelCost {
  const shape = { ...numericConstants(constants), ...values }
  const all = { ...shape, LANES: lanes }
  return { flops: kernel.flops(all), bytes: kernel.bytes(all), shape }
}

export interface TimedCall extends KernelCost {
  call: KernelCall
  /** In nanoseconds; on lavapipe on the clock of process.hrtime.bigint(). */
  beginNs: number
  endNs: number
}

/**
 * Attach as a recorder's observer. Every kernel gets a pass with two stamps, which costs time itself: `stampCostNs`, measured
 * before, is what a stamp pair adds to the time between the two.
 */
export class KernelTimer implements RecordObserver {
  readonly stampCostNs: number
  private readonly gpu: Gpu
  private readonly stamps: StampSet
  private calls: KernelCall[] = []

  private constructor(gpu: Gpu, stamps: StampSet, stampCostNs: number) {
    this.gpu = gpu
    this.stamps = stamps
    this.stampCostNs = stampCostNs
  }

  /** Throws unsupported where the adapter has no time stamps. */
  static async open(gpu: Gpu): Promise<KernelTimer> {
    if (!gpu.features.has('timestamp-query'))
      throw new MoruError(
        'unsupported',
        'The adapter has no time stamps (timestamp-query), so kernels cannot be timed one by one.',
      )
    const stamps = await StampSet.open(gpu)
    return new KernelTimer(gpu, stamps, await stampCostNs(gpu, stamps))
  }

  release(): void {
    this.stamps.release()
  }

  before(call: KernelCall): GPUComputePassDescriptor | undefined {
    // What passes the query set goes on unstamped: it shows as time that cannot be attributed.
    const descriptor = this.stamps.around(this.calls.length)
    if (descriptor) this.calls.push(call)
    return descriptor
  }

  /**
   * The calls since the last time, once their submissions are done; forgets them. The stamps are made readable in a submission of
   * their own: in the step's own it would delay the step's result.
   */
  async collect(): Promise<TimedCall[]> {
    const calls = this.calls
    this.calls = []
    if (calls.length === 0) return []
    const encoder = this.gpu.device.createCommandEncoder()
    this.stamps.resolve(encoder, calls.length)
    this.gpu.device.queue.submit([encoder.finish()])
    const times = await this.stamps.read(calls.length)
    return calls.map((call, i) => ({
      call,
      beginNs: times[i * 2],
      endNs: times[i * 2 + 1],
      ...costOf(call, this.gpu.profile.lanes),
    }))
  }
}
