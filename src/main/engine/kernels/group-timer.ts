/** Times one kernel's call by many of them in a row: for calls too short for stamps of their own, and for adapters without stamps. */
import { type Gpu } from '../device/gpu'
import { type TypedKernel } from './define-kernel'
import { type KernelCall, type Recorder, type RecordObserver } from './recorder'
import { StampSet } from './stamps'

/** A group takes about so long, unless its calls are longer. */
const groupMs = 4
const mostCalls = 256
const trials = 5

/**
 * Runs calls again as they were recorded. They write what they wrote: nothing that depends on the buffers may go on afterwards.
 * By stamps around the group where the device has them; else by the host's clock around a submission, less that of one call.
 */
export class GroupTimer implements RecordObserver {
  private readonly gpu: Gpu
  private readonly recorder: Recorder
  private readonly stamps: StampSet | null
  private begun = false

  private constructor(gpu: Gpu, recorder: Recorder, stamps: StampSet | null) {
    this.gpu = gpu
    this.recorder = recorder
    this.stamps = stamps
  }

  /** Throws out_of_memory. */
  static async open(gpu: Gpu, recorder: Recorder): Promise<GroupTimer> {
    return new GroupTimer(gpu, recorder, gpu.features.has('timestamp-query') ? await StampSet.open(gpu) : null)
  }

  release(): void {
    this.stamps?.release()
  }

  before(): GPUComputePassDescriptor | undefined {
    if (this.begun || !this.stamps) return undefined
    this.begun = true
    return this.stamps.around(0)
  }

  beforeSubmit(encoder: GPUCommandEncoder): void {
    this.stamps?.resolve(encoder, 1)
  }

  /** Milliseconds of one call: the best of some groups, because what else the machine does can only add. Throws device_lost. */
  async measure(call: KernelCall): Promise<number> {
    const first = await this.group(call, 4)
    const calls = Math.round(Math.min(mostCalls, Math.max(8, (4 * groupMs) / Math.max(first, 1e-3))))
    let best = Infinity
    let alone = this.stamps ? 0 : Infinity
    for (let trial = 0; trial < trials; trial++) {
      if (!this.stamps) alone = Math.min(alone, await this.group(call, 1))
      best = Math.min(best, await this.group(call, calls))
      if (best > 10 * groupMs) break
    }
    // Where even the best of them were disturbed, the submission stays in.
    return this.stamps || best <= alone ? best / calls : (best - alone) / (calls - 1)
  }

  /** Milliseconds of so many calls in one pass. */
  private async group(call: KernelCall, calls: number): Promise<number> {
    this.begun = false
    const observer = this.recorder.observer
    this.recorder.observer = this
    for (let i = 0; i < calls; i++)
      this.recorder.run(call.kernel as TypedKernel<string, string, string>, call.constants, call.buffers, call.values)
    const start = performance.now()
    this.recorder.submit()
    this.recorder.observer = observer
    if (this.stamps) {
      const [begin, end] = await this.stamps.read(1)
      return (end - begin) / 1e6
    }
    await this.gpu.idle()
    return performance.now() - start
  }
}
