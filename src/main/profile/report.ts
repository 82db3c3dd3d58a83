/** Timed kernels set against the ceilings of the device: the roofline (Williams, Waterman & Patterson, CACM 2009). */
import { type ProfileReport } from '../../shared/contract/profiler'
import { type GenerationProfile, type KernelShare } from '../engine'

type Ceilings = ProfileReport['ceilings']
type Row = ProfileReport['kernels'][number]

/** A call that takes less than this many stamp pairs is mostly its own fixed cost. */
const fixedCostFactor = 2

export function kernelRows(profile: GenerationProfile, ceilings: Ceilings): Row[] {
  const sum = profile.kernels.reduce((all, k) => all + k.elapsedMs, 0)
  return profile.kernels.map((kernel) => ({
    ...kernel,
    ...place(kernel, ceilings, profile.stampCostMs),
    share: kernel.elapsedMs / sum,
  }))
}

function place(
  kernel: KernelShare,
  ceilings: Ceilings,
  stampCostMs: number,
): Pick<Row, 'intensity' | 'achieved' | 'bound'> {
  const value = (unit: string) => ceilings.find((ceiling) => ceiling.unit === unit)?.value ?? Infinity
  const seconds = kernel.elapsedMs / 1e3
  const computing = kernel.flops / seconds / 1e9 / value('GFLOP/s')
  const moving = kernel.bytes / seconds / 1e9 / value('GB/s')
  const fixed = kernel.elapsedMs / kernel.calls < stampCostMs * fixedCostFactor
  return {
    intensity: kernel.bytes > 0 ? kernel.flops / kernel.bytes : 0,
    achieved: Math.max(computing, moving),
    bound: fixed ? 'fixed_cost' : computing > moving ? 'compute' : 'memory',
  }
}
