/** Time stamps of the GPU around passes, read back together. */
import { type Gpu } from '../device/gpu'

/** WebGPU's bound on a query set. */
const mostStamps = 4096

export class StampSet {
  private readonly gpu: Gpu
  private readonly set: GPUQuerySet
  private readonly resolved: GPUBuffer
  private readonly staging: GPUBuffer

  private constructor(gpu: Gpu, set: GPUQuerySet, resolved: GPUBuffer, staging: GPUBuffer) {
    this.gpu = gpu
    this.set = set
    this.resolved = resolved
    this.staging = staging
  }

  /** The device must have timestamp-query. Throws out_of_memory. */
  static async open(gpu: Gpu): Promise<StampSet> {
    const set = gpu.device.createQuerySet({ type: 'timestamp', count: mostStamps })
    const bytes = mostStamps * 8
    const resolved = await gpu.allocate('time stamps', bytes, GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC)
    const staging = await gpu.allocate(
      'time stamps read back',
      bytes,
      GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    )
    return new StampSet(gpu, set, resolved, staging)
  }

  release(): void {
    this.set.destroy()
    this.gpu.release(this.resolved)
    this.gpu.release(this.staging)
  }

  /** Begins a pass between stamps 2 * index and 2 * index + 1; undefined when there are no more. */
  around(index: number): GPUComputePassDescriptor | undefined {
    if (index * 2 + 2 > mostStamps) return undefined
    const timestampWrites = {
      querySet: this.set,
      beginningOfPassWriteIndex: index * 2,
      endOfPassWriteIndex: index * 2 + 1,
    }
    return { timestampWrites }
  }

  /** Records what makes the first `pairs` pairs readable. */
  resolve(encoder: GPUCommandEncoder, pairs: number): void {
    encoder.resolveQuerySet(this.set, 0, pairs * 2, this.resolved, 0)
    encoder.copyBufferToBuffer(this.resolved, 0, this.staging, 0, pairs * 16)
  }

  /** Nanoseconds, two a pair, once the submission is done. */
  async read(pairs: number): Promise<number[]> {
    return Array.from(new BigUint64Array(await this.gpu.mapped(this.staging, pairs * 16)), Number)
  }
}
