/** The roofline as lines and dots: what is drawn, before it is drawn (Williams, Waterman & Patterson, CACM 2009). */
import { type Ceiling, type CeilingName } from '../../../shared/contract/ceilings'
import { type KernelRow, type ProfileReport } from '../../../shared/contract/profiler'

/** A slope (memory: GB/s) or a flat roof (operations: GFLOP/s), from its left end to its right end. */
interface Roof {
  name: CeilingName
  kind: 'memory' | 'compute'
  value: number
  unit: Ceiling['unit']
  line: [number, number][]
}

/** Where the stream's slope meets a flat roof: fewer operations a byte are bound by memory. */
export interface Ridge {
  name: CeilingName
  intensity: number
  rate: number
}

export interface Dot {
  kernel: KernelRow
  intensity: number
  /** GFLOP/s */
  rate: number
}

interface Bounds {
  x: [number, number]
  y: [number, number]
}

const memoryNames: readonly CeilingName[] = ['cache_read', 'stream_read', 'stream_copy']
const computeNames: readonly CeilingName[] = ['dot_int8', 'multiply_add', 'multiply_add_f16']

interface Work {
  flops: number
  bytes: number
  elapsedMs: number
}
/** GFLOP/s */
export const rateOf = ({ flops, elapsedMs }: Work): number => flops / elapsedMs / 1e6
/** GB/s */
export const bandwidthOf = ({ bytes, elapsedMs }: Work): number => bytes / elapsedMs / 1e6

/** Kernels with operations and bytes; the others have no place on logarithmic axes. */
export function dotsOf(report: ProfileReport): Dot[] {
  return report.kernels
    .filter((kernel) => kernel.intensity > 0 && kernel.elapsedMs > 0)
    .map((kernel) => ({ kernel, intensity: kernel.intensity, rate: rateOf(kernel) }))
}

/** Whole decades around all that is shown. */
export function boundsOf(ceilings: readonly Ceiling[], dots: readonly Dot[]): Bounds {
  const decade = (value: number, up: boolean) => 10 ** (up ? Math.ceil : Math.floor)(Math.log10(value))
  const ridges = ridgesOf(ceilings)
  const xs = [...dots.map((d) => d.intensity), ...ridges.map((r) => r.intensity)]
  const ys = [...dots.map((d) => d.rate), ...ridges.map((r) => r.rate)]
  const range = (values: number[], fallback: [number, number]): [number, number] =>
    values.length === 0 ? fallback : [decade(Math.min(...values), false), decade(Math.max(...values) * 1.2, true)]
  return { x: range(xs, [0.1, 100]), y: range(ys, [1, 1000]) }
}

const valueOf = (ceilings: readonly Ceiling[], names: readonly CeilingName[]) =>
  names.flatMap((name) => ceilings.find((c) => c.name === name) ?? [])

export function ridgesOf(ceilings: readonly Ceiling[]): Ridge[] {
  const stream = bestStream(ceilings)
  if (stream === 0) return []
  return valueOf(ceilings, computeNames).map(({ name, value }) => ({ name, intensity: value / stream, rate: value }))
}

/** GB/s between memory and the kernels, at best. */
function bestStream(ceilings: readonly Ceiling[]): number {
  return Math.max(0, ...valueOf(ceilings, ['stream_read', 'stream_copy']).map((c) => c.value))
}

export function roofsOf(ceilings: readonly Ceiling[], { x, y }: Bounds): Roof[] {
  const compute = valueOf(ceilings, computeNames)
  const memory = valueOf(ceilings, memoryNames)
  const highest = Math.max(0, ...compute.map((c) => c.value)) || y[1]
  const fastest = Math.max(0, ...memory.map((c) => c.value))
  const slopes = memory.map(({ name, value, unit }): Roof => {
    const left = Math.max(x[0], y[0] / value)
    const right = Math.min(x[1], highest / value)
    return { name, kind: 'memory', value, unit, line: [[left, left * value], [right, right * value]] } // prettier-ignore
  })
  const flats = compute.map(({ name, value, unit }): Roof => {
    const left = Math.max(x[0], fastest > 0 ? value / fastest : x[0])
    return { name, kind: 'compute', value, unit, line: [[left, value], [x[1], value]] } // prettier-ignore
  })
  return [...slopes, ...flats]
}

/** Diameter of a dot in pixels: its area grows with the kernel's share of the time. */
export const dotSize = (share: number): number => 7 + 38 * Math.sqrt(share)
