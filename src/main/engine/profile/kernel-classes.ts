/** Calls of a generation, sorted by kernel, phase and shape, with the time that each class of them takes. */
import { throwIfCancelled } from '../../../shared/errors'
import { type Arithmetic, type Shape } from '../kernels/define-kernel'
import { type GroupTimer } from '../kernels/group-timer'
import { type KernelCost } from '../kernels/kernel-timer'
import { type KernelCall } from '../kernels/recorder'
import { type Phase } from './timeline'

/** stamps: around each call; groups: stamps around many in a row; submits: the host's clock around submissions of many. */
export type Timing = 'stamps' | 'groups' | 'submits'

/** Calls of one kernel with the same constants and grid. */
export interface KernelShape {
  /** Numeric constants, parameters and measures of the last of these calls. */
  shape: Shape
  grid: [number, number]
  calls: number
  elapsedMs: number
  flops: number
  bytes: number
  timing: Timing
}

/** All calls of one kernel in one phase. */
export interface KernelShare {
  name: string
  phase: Phase
  arithmetic: Arithmetic
  calls: number
  elapsedMs: number
  flops: number
  bytes: number
  shapes: KernelShape[]
}

/** Calls shorter than this from stamp to stamp are timed in groups: their fixed cost and that of the stamps are of one size. */
const tinyMs = 0.25

class KernelClass {
  readonly name: string
  readonly phase: Phase
  readonly arithmetic: Arithmetic
  /** The last one: its buffers hold what they held. */
  call: KernelCall
  shape: Shape
  calls = 0
  /** Between stamps, their own cost included. */
  stampedMs = 0
  elapsedMs = 0
  flops = 0
  bytes = 0
  timing: Timing = 'stamps'

  constructor(call: KernelCall, phase: Phase, shape: Shape) {
    this.name = call.kernel.name
    this.phase = phase
    this.arithmetic = call.kernel.arithmetic
    this.call = call
    this.shape = shape
  }

  get row(): KernelShape {
    const { shape, call, calls, elapsedMs, flops, bytes, timing } = this
    return { shape, grid: call.grid, calls, elapsedMs, flops, bytes, timing }
  }
}

export class KernelClasses {
  private readonly classes = new Map<string, KernelClass>()

  /** `stampedMs`: between its stamps; 0 where there are none. */
  add(call: KernelCall, phase: Phase, cost: KernelCost, stampedMs: number): void {
    const key = [call.kernel.name, phase, ...Object.values(call.constants), ...call.grid].join()
    let own = this.classes.get(key)
    if (!own) this.classes.set(key, (own = new KernelClass(call, phase, cost.shape)))
    own.call = call
    own.shape = cost.shape
    own.calls++
    own.stampedMs += stampedMs
    own.flops += cost.flops
    own.bytes += cost.bytes
  }

  /**
   * Finds every class's time: what lies between its stamps less their own cost, or, for calls hardly longer than that, the time of one
   * among many. A call never takes longer than from stamp to stamp. `stampCostMs` null: there are no stamps. Answers what else lay
   * between stamps, in milliseconds: the stamps' own cost, and starting short kernels in passes of their own.
   */
  async time(
    timer: GroupTimer,
    stampCostMs: number | null,
    signal?: AbortSignal,
  ): Promise<{ stampsMs: number; startingMs: number }> {
    const found = { stampsMs: 0, startingMs: 0 }
    for (const own of this.classes.values()) {
      throwIfCancelled(signal)
      const stampsMs = own.calls * (stampCostMs ?? 0)
      if (stampCostMs === null) {
        own.elapsedMs = own.calls * (await timer.measure(own.call))
        own.timing = 'submits'
        continue
      }
      if (own.stampedMs < tinyMs * own.calls) {
        own.elapsedMs = Math.min(own.stampedMs, own.calls * (await timer.measure(own.call)))
        own.timing = 'groups'
      } else own.elapsedMs = Math.max(0, own.stampedMs - stampsMs)
      // Stamps cannot have cost more than lies between them beside the kernel.
      const rest = own.stampedMs - own.elapsedMs
      found.stampsMs += Math.min(rest, stampsMs)
      found.startingMs += Math.max(0, rest - stampsMs)
    }
    return found
  }

  /** Kernels by time, the longest first; so are the shapes of each. */
  shares(): KernelShare[] {
    const shares = new Map<string, KernelShare>()
    for (const own of this.classes.values()) {
      const { name, phase, arithmetic } = own
      const key = `${name} ${phase}`
      let share = shares.get(key)
      const blank = { name, phase, arithmetic, calls: 0, elapsedMs: 0, flops: 0, bytes: 0, shapes: [] }
      if (!share) shares.set(key, (share = blank))
      share.calls += own.calls
      share.elapsedMs += own.elapsedMs
      share.flops += own.flops
      share.bytes += own.bytes
      share.shapes.push(own.row)
    }
    const longestFirst = (a: { elapsedMs: number }, b: { elapsedMs: number }) => b.elapsedMs - a.elapsedMs
    for (const share of shares.values()) share.shapes.sort(longestFirst)
    return [...shares.values()].sort(longestFirst)
  }
}
