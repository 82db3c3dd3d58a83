import { type BenchResult } from '../../shared/contract/bench'
import { type Measurement } from './measure'
import { type Work } from './roofline'

/** A measurement with what it stands for. */
export interface Benchmark extends Measurement {
  unit: BenchResult['unit']
  /** Units (tokens, 1e9 operations) that one piece of `work` makes. */
  amount: number
  work: Work
  /** Milliseconds that the work takes at least, where it is not the device's. */
  leastMs?: () => number
  recallAt10?: number
}
