/** Measurements that take turns, so that what else the machine does falls on all of them alike. */
import { throwIfCancelled } from '../../shared/errors'

export interface Measurement {
  name: string
  /** One value, in the measurement's own unit; called once more than there are repetitions, the first time to warm up. */
  measure(signal: AbortSignal): Promise<number>
}

export interface Sample {
  median: number
  smallest: number
  largest: number
  /** (largest - smallest) / median. */
  spread: number
}

/** Median of several values; the mean of the middle two when their number is even. */
export function sampleOf(values: readonly number[]): Sample {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2
  const [smallest, largest] = [sorted[0], sorted[sorted.length - 1]]
  return { median, smallest, largest, spread: (largest - smallest) / median }
}

/**
 * Runs all measurements once without counting (kernels are compiled, caches filled), then `repetitions` times in turn.
 * `onStep` hears what comes next and how many steps are done. Throws cancelled, and what a measurement throws.
 */
export async function takeTurns(
  measurements: readonly Measurement[],
  repetitions: number,
  signal: AbortSignal,
  onStep: (name: string, done: number) => void,
): Promise<Map<string, Sample>> {
  const values = new Map<string, number[]>(measurements.map(({ name }) => [name, []]))
  for (let round = 0; round <= repetitions; round++)
    for (const [i, { name, measure }] of measurements.entries()) {
      throwIfCancelled(signal)
      onStep(round === 0 ? `${name} (warm-up)` : name, round * measurements.length + i)
      const value = await measure(signal)
      if (round > 0) values.get(name)!.push(value)
    }
  return new Map([...values].map(([name, all]) => [name, sampleOf(all)]))
}
