/** Counts the floating-point operations of twins: arithmetic, comparisons and elementary functions count one each. */

let counted = 0

/** Called by twins next to what they compute. */
export function flops(count: number): void {
  counted += count
}

/** Operations that `work` counted. */
export function countFlops(work: () => unknown): number {
  counted = 0
  work()
  return counted
}
