/** Timed kernels set against the ceilings of the device: the roofline (Williams, Waterman & Patterson, CACM 2009). */
import { type Ceiling, type CeilingName } from '../../shared/contract/ceilings'
import { type KernelRow } from '../../shared/contract/profiler'
import { type KernelShare } from '../engine'

const peakOf: Record<KernelRow['arithmetic'], CeilingName> = {
  f32: 'multiply_add',
  f16: 'multiply_add_f16',
  int8: 'dot_int8',
}

export function kernelRows(kernels: readonly KernelShare[], ceilings: readonly Ceiling[]): KernelRow[] {
  const sum = kernels.reduce((all, k) => all + k.elapsedMs, 0)
  return kernels.map((kernel) => ({
    ...kernel,
    ...place(kernel, ceilings),
    intensity: kernel.bytes > 0 ? kernel.flops / kernel.bytes : 0,
    share: sum > 0 ? kernel.elapsedMs / sum : 0,
  }))
}

/**
 * A kernel takes at least as long as its arithmetic at the peak rate of its numbers, as its bytes at the stream's rate, and as its
 * dispatches: the longest of the three bounds it, and `achieved` is that against what it took. Bytes that came faster than memory
 * gives them came from a cache, so the cache's rate is what they are held against.
 */
function place(kernel: KernelShare, ceilings: readonly Ceiling[]): Pick<KernelRow, 'achieved' | 'bound' | 'ceiling'> {
  const value = (name: CeilingName) => ceilings.find((c) => c.name === name)?.value
  const stream = Math.max(value('stream_read') ?? 0, value('stream_copy') ?? 0)
  const reached = kernel.bytes / kernel.elapsedMs / 1e6
  const cached = reached > stream && (value('cache_read') ?? 0) > stream
  const memory: CeilingName = cached ? 'cache_read' : stream === value('stream_copy') ? 'stream_copy' : 'stream_read'
  const peak = peakOf[kernel.arithmetic]
  const bounds = [
    { bound: 'memory' as const, ceiling: memory, leastMs: kernel.bytes / ((value(memory) ?? Infinity) * 1e6) },
    { bound: 'compute' as const, ceiling: peak, leastMs: kernel.flops / ((value(peak) ?? Infinity) * 1e6) },
    { bound: 'fixed_cost' as const, ceiling: 'dispatch' as const, leastMs: (kernel.calls * (value('dispatch') ?? 0)) / 1e3 }, // prettier-ignore
  ]
  const { bound, ceiling, leastMs } = bounds.reduce((a, b) => (b.leastMs > a.leastMs ? b : a))
  return { bound, ceiling, achieved: kernel.elapsedMs > 0 ? leastMs / kernel.elapsedMs : 0 }
}
