/** Cases of pool: four ways over sequences of different lengths, with and without unit length. */
import { pool as spec, poolingModes, type PoolingMode } from '../../src/main/engine/kernels/pool'
import { pool } from '../reference/pool'
import { normal, outliers, zeros, type Fill } from './fill'
import { stored, unit, type DeviceName, type KernelCase, type KernelRun } from './kernel-case'

interface PoolCase {
  name: string
  /** Tokens of each sequence. */
  lengths: number[]
  dim: number
  fill?: Fill
}

const because =
  'a mean is off by a rounding of the mean |x| for each of its tokens at most, a length by a rounding for each of a lane’s terms, root ' +
  'and product by a few'

function prepare(c: PoolCase, mode: PoolingMode, normalize: boolean): KernelRun {
  const { lengths, dim, fill = normal() } = c
  const tokens = lengths.reduce((a, b) => a + b, 0)
  const x = fill(tokens * dim, 1)
  const spans: number[] = []
  const expected: number[] = []
  const errors: number[] = []
  let first = 0
  for (const length of lengths) {
    const own = x.subarray(first * dim, (first + length) * dim)
    const y = pool(own, dim, mode, normalize)
    const plain = pool(own, dim, mode, false)
    const size = Math.hypot(...plain)
    const scale = normalize ? (size > 0 ? 1 / size : 0) : 1
    const slips = pool(own.map(Math.abs), dim, mode, false).map((m) => (mode === 'mean' ? m * unit * (2 + length) : 0))
    const relative = normalize ? unit * (8 + dim / 16) + Math.hypot(...slips) * scale : 0
    spans.push(first, length)
    expected.push(...y)
    errors.push(...y.map((v, i) => slips[i] * scale + Math.abs(v) * relative))
    first += length
  }
  return {
    constants: { MODE: poolingModes[mode], NORMALIZE: normalize },
    values: { sequences: lengths.length, dim, tokens },
    buffers: { x, spans: Uint32Array.from(spans), y: new Float32Array(lengths.length * dim) },
    expected: [{ output: 'y', type: 'f32', values: expected, allowed: stored(expected, 'f32', errors) }],
  }
}

const shapes: PoolCase[] = [
  { name: 'one token of four', lengths: [1], dim: 4 },
  { name: 'ragged, a prime number of quarters, outliers', lengths: [7, 1, 31], dim: 4 * 97, fill: outliers },
  { name: 'zeros', lengths: [3, 2], dim: 64, fill: zeros },
]
const folded: PoolCase = { name: 'more sequences than one side of a grid', lengths: new Array(70_001).fill(1), dim: 4 }

export const cases: KernelCase[] = (Object.keys(poolingModes) as PoolingMode[]).flatMap((mode) =>
  [false, true].flatMap((normalize) =>
    (mode === 'mean' && !normalize ? [...shapes, folded] : shapes).map((c): KernelCase => ({
      kernel: spec,
      name: `${mode}${normalize ? ', unit length' : ''}: ${c.name}`,
      because,
      // Nothing in it is f16.
      devices: ['as it is', 'without subgroups', '32 lanes'] satisfies DeviceName[],
      prepare: () => prepare(c, mode, normalize),
    })),
  ),
)
