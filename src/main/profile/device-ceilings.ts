/** Ceilings of the adapter: measured once for adapter and driver, kept in the profile, raised when a later measurement beats them. */
import { type Ceiling, type Device } from '../../shared/contract/ceilings'
import { measureCeilings } from '../bench'
import { inspectAdapter, type KernelShare } from '../engine'
import { type Store } from '../store'

export interface DeviceCeilings {
  device: Device
  ceilings: Ceiling[]
  measuredAt: number
}

/** Of the first measurement, and of one that replaces it. */
const repetitions = 5
/** Of the one that every profile makes beside those that are kept: in a busy moment they may have been measured too low. */
const checks = 1

type Kept = Pick<Store, 'ceilings'>

/** The adapter and what is kept of it, without measuring. Throws no_adapter. */
export async function keptCeilings(store: Kept) {
  const { adapter, driver, backend, software } = await inspectAdapter()
  const device = { adapter, driver, backend, software }
  return { device, ...store.ceilings.of(device) }
}

/** Measures and keeps, whatever was kept before. Throws no_adapter, cancelled. */
export async function measureAnew(
  store: Kept,
  count: number,
  signal: AbortSignal,
  onStep?: (name: string, done: number, total: number) => void,
): Promise<DeviceCeilings> {
  const { device, ceilings } = await measureCeilings(count, signal, onStep)
  store.ceilings.save(device, ceilings)
  return { device, ceilings, measuredAt: Date.now() }
}

/** What is kept, with what a short measurement now beats; all of it measured where nothing is kept. Throws no_adapter, cancelled. */
export async function currentCeilings(store: Kept, signal: AbortSignal): Promise<DeviceCeilings> {
  const kept = await keptCeilings(store)
  if (kept.measuredAt === null) return measureAnew(store, repetitions, signal)
  const now = await measureCeilings(checks, signal)
  const better = now.ceilings.filter((c) =>
    beats(
      c,
      kept.ceilings.find((k) => k.name === c.name),
    ),
  )
  const raised = better.map((c) => ({ ...c, spread: Math.max(c.spread, spreadOf(c, kept.ceilings)) }))
  if (raised.length > 0) store.ceilings.save(kept.device, raised)
  return { device: kept.device, ceilings: store.ceilings.of(kept.device).ceilings, measuredAt: kept.measuredAt }
}

/**
 * Ceilings after kernels were timed among many of their own: no dispatch costs more than the shortest of them took, whatever was
 * measured in a busier moment. Kept where that lowers it.
 */
export function withKernels(store: Kept, known: DeviceCeilings, kernels: readonly KernelShare[]): DeviceCeilings {
  const grouped = kernels.flatMap(({ shapes }) => shapes.filter(({ timing }) => timing !== 'stamps'))
  const least = Math.min(...grouped.map(({ elapsedMs, calls }) => (1e3 * elapsedMs) / calls))
  const ceilings = known.ceilings.map((c) => {
    if (c.name !== 'dispatch' || least >= c.value || least <= 0) return c
    const lowered = { ...c, value: least }
    return { ...lowered, spread: Math.max(c.spread, spreadOf(lowered, [c])) }
  })
  store.ceilings.save(
    known.device,
    ceilings.filter((c) => !known.ceilings.includes(c)),
  )
  return { ...known, ceilings }
}

/** A ceiling is the best that was ever seen: a higher rate, a shorter time. */
function beats(now: Ceiling, kept: Ceiling | undefined): boolean {
  return !kept || (now.unit === 'us' ? now.value < kept.value : now.value > kept.value)
}

/** The kept spread, or how far the new value lies from the kept one. */
function spreadOf(now: Ceiling, kept: readonly Ceiling[]): number {
  const before = kept.find((k) => k.name === now.name)
  return before ? Math.max(before.spread, Math.abs(now.value - before.value) / now.value) : 0
}
