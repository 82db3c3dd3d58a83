/** Keys and values of every layer, in blocks of 16 tokens that sequences hold through block tables. */
import { MoruError } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { blockTokens, kvHeadBytes, type KvType } from '../kernels/attention'

export interface KvShape {
  layers: number
  kvHeads: number
  headDim: number
  kvType: KvType
}

/** Bytes of keys and values a token takes in all layers. */
export const kvBytesPerToken = (s: KvShape): number => 2 * s.layers * s.kvHeads * kvHeadBytes(s.kvType, s.headDim)

export class KvCache {
  readonly blocks: number
  readonly keys: GPUBuffer[]
  readonly values: GPUBuffer[]
  private readonly gpu: Gpu

  private constructor(gpu: Gpu, blocks: number, keys: GPUBuffer[], values: GPUBuffer[]) {
    this.gpu = gpu
    this.blocks = blocks
    this.keys = keys
    this.values = values
  }

  /** Throws out_of_memory when a layer's keys pass what one binding holds, or memory ends; then holds nothing. */
  static async allocate(gpu: Gpu, shape: KvShape, blocks: number): Promise<KvCache> {
    const bytes = blocks * blockTokens * shape.kvHeads * kvHeadBytes(shape.kvType, shape.headDim)
    if (bytes > gpu.maxBindingBytes) {
      const most = Math.floor(gpu.maxBindingBytes / (bytes / blocks)) * blockTokens
      throw new MoruError(
        'out_of_memory',
        `A context of ${blocks * blockTokens} tokens takes ${bytes.toLocaleString('en')} bytes of keys a layer; this adapter binds ` +
          `${gpu.maxBindingBytes.toLocaleString('en')} at most, which is ${most} tokens. Choose a shorter context.`,
      )
    }
    const cache = new KvCache(gpu, blocks, [], [])
    try {
      for (let layer = 0; layer < shape.layers; layer++) {
        cache.keys.push(await gpu.allocate(`keys of layer ${layer}`, bytes))
        cache.values.push(await gpu.allocate(`values of layer ${layer}`, bytes))
      }
    } catch (error) {
      cache.release()
      throw error
    }
    return cache
  }

  /** A cache of one layer for `layers` that run one after the other and read only what they wrote themselves. */
  sharedBy(layers: number): Pick<KvCache, 'keys' | 'values'> {
    const all = (buffers: GPUBuffer[]) => new Array<GPUBuffer>(layers).fill(buffers[0])
    return { keys: all(this.keys), values: all(this.values) }
  }

  release(): void {
    for (const buffer of [...this.keys, ...this.values]) this.gpu.release(buffer)
    this.keys.length = 0
    this.values.length = 0
  }
}
