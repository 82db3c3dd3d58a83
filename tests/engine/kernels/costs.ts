/** Operations and bytes that specs promise a profiler, against what twins count and touch. */
import { expect } from 'vitest'
import { type Kernel } from '../../../src/main/engine/kernels/define-kernel'
import { normal } from '../../cases/fill'
import { countFlops } from '../../reference/flops'

export const numbers = (count: number, seed = 1) => normal()(count, seed)

/** Bytes of the different elements that are read of arrays, four each unless said. */
export class Memory {
  private readonly touched: Set<unknown>[] = []
  private bytes = 0

  read(values: ArrayLike<number>): ArrayLike<number> {
    const own = new Set<unknown>()
    this.touched.push(own)
    return new Proxy(Array.from(values), {
      get: (target, key): unknown => {
        if (typeof key === 'string' && /^\d+$/.test(key)) own.add(key)
        return Reflect.get(target, key)
      },
    })
  }

  /** Words written, or read by a kernel for other ends than its twin's. */
  add(words: number): void {
    this.bytes += 4 * words
  }

  get total(): number {
    return this.touched.reduce((sum, own) => sum + own.size * 4, this.bytes)
  }
}

interface Costs {
  kernel: Kernel
  shape: Record<string, number>
  /** Runs the twin on arrays that know what is read of them. */
  twin: (memory: Memory) => unknown
}

export function expectCosts({ kernel, shape, twin }: Costs): void {
  const memory = new Memory()
  const flops = countFlops(() => twin(memory))
  expect({ flops: kernel.flops(shape), bytes: kernel.bytes(shape) }).toEqual({ flops, bytes: memory.total })
}
