import { type BenchResult } from '../../shared/contract/bench'
import { type Measurement } from './measure'
import { type Work } from './roofline'

/** What the processor does, not the device: no ceiling of the device bounds it. */
export interface HostWork {
  /** Milliseconds that it takes at least. */
  leastMs(): number
}

/** A measurement with what it stands for. */
export interface Benchmark extends Measurement {
  unit: BenchResult['unit']
  /** Units (tokens, 1e9 operations) that one piece of `work` makes. */
  amount: number
  work: Work | HostWork
  recallAt10?: number
}
