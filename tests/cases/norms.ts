/** Cases of rms_norm, layer_norm and gather_rows. */
import {
  gatherRows as gatherSpec,
  layerNorm as layerSpec,
  rmsNorm as rmsSpec,
} from '../../src/main/engine/kernels/norms'
import { gatherRows } from '../reference/gather-rows'
import { layerNorm } from '../reference/layer-norm'
import { rmsNorm } from '../reference/rms-norm'
import { constant, normal, outliers, random, shifted, zeros, type Fill } from './fill'
import { activationType, stored, typed, unit, type KernelCase, type KernelRun } from './kernel-case'

interface NormCase {
  name: string
  tokens: number
  dim: number
  fill?: Fill
  eps?: number
}

const shapes: NormCase[] = [
  { name: 'one vector of four', tokens: 1, dim: 4 },
  { name: 'fewer quarters than lanes', tokens: 3, dim: 20 },
  { name: 'a prime number of quarters, outliers', tokens: 5, dim: 4 * 251, fill: outliers },
  { name: 'zeros', tokens: 2, dim: 64, fill: zeros },
  { name: 'huge', tokens: 2, dim: 576, fill: normal(1e17) },
  { name: 'tiny beside eps', tokens: 2, dim: 576, fill: normal(1e-6) },
  { name: 'more tokens than a grid has workgroups on one side', tokens: 70_001, dim: 4 },
]

function rms(c: NormCase, out: 'f32' | 'f16', add: boolean): KernelRun {
  const { tokens, dim, fill = normal(), eps = 1e-5 } = c
  const x = fill(tokens * dim, 1)
  const w = normal()(dim, 2)
  const y = typed(normal()(tokens * dim, 3), out)
  const expected = rmsNorm(x, w, eps, add ? y : undefined)
  const branch = rmsNorm(x, w, eps)
  const errors = branch.map((v) => Math.abs(v) * unit * (8 + dim / 16))
  return {
    constants: { OUT: out, ADD: add },
    values: { tokens, dim, eps },
    buffers: { x, w, y },
    expected: [{ output: 'y', type: out, values: expected, allowed: stored(expected, out, errors) }],
  }
}

const rmsBecause =
  'squares have one sign, so each lane’s sum of dim / 4 / 8 dot products is off by at most a rounding a term, half of which the root ' +
  'keeps; the root and three products add eight; huge: dim x^2 stays below 3.4e38'

function layer(c: NormCase, out: 'f32' | 'f16'): KernelRun {
  const { tokens, dim, fill = normal(), eps = 1e-5 } = c
  const x = fill(tokens * dim, 1)
  const w = normal()(dim, 2)
  const b = normal()(dim, 3)
  const expected = layerNorm(x, w, b, eps)
  // What a mean that is off by `slip` changes: every element moves by slip * scale.
  const errors = expected.map((v, i) => {
    const row = x.subarray(Math.floor(i / dim) * dim, (Math.floor(i / dim) + 1) * dim)
    const mean = row.reduce((sum, e) => sum + e, 0) / dim
    const size = row.reduce((sum, e) => sum + Math.abs(e), 0) / dim
    const variance = row.reduce((sum, e) => sum + (e - mean) ** 2, 0) / dim
    const slip = (size * unit * (4 + dim / 16)) / Math.sqrt(variance + eps)
    return slip * Math.abs(w[i % dim]) + (Math.abs(v - b[i % dim]) + Math.abs(b[i % dim])) * unit * (8 + dim / 16)
  })
  return {
    constants: { OUT: out },
    values: { tokens, dim, eps },
    buffers: { x, w, b, y: typed(new Float32Array(tokens * dim), out) },
    expected: [{ output: 'y', type: out, values: expected, allowed: stored(expected, out, errors) }],
  }
}

const layerBecause =
  'the mean is off by at most a rounding of the mean |x| for each of a lane’s terms, and moves every element by as much; variance and ' +
  'scale err as in rms_norm'

function gather(tokens: number, count: number, dim: number): KernelRun {
  const next = random(4)
  const x = normal()(tokens * dim, 1)
  const rows = Uint32Array.from({ length: count }, () => Math.floor(next() * tokens))
  const expected = gatherRows(x, rows, dim)
  return {
    constants: {},
    values: { count, dim },
    buffers: { x, rows, y: new Float32Array(count * dim) },
    expected: [{ output: 'y', type: 'f32', values: expected, allowed: 0 }],
  }
}

const layerShapes: NormCase[] = [
  ...shapes,
  { name: 'a constant row', tokens: 2, dim: 64, fill: constant(3.25) },
  { name: 'far from zero', tokens: 2, dim: 576, fill: shifted(1000) },
]

export const cases: KernelCase[] = [
  ...shapes.flatMap((c) =>
    [false, true].map((add): KernelCase => ({
      kernel: rmsSpec,
      name: `${c.name}${add ? ', added' : ''}`,
      because: rmsBecause,
      prepare: (p) => rms(c, add ? 'f32' : activationType(p), add),
    })),
  ),
  ...layerShapes.map((c): KernelCase => ({
    kernel: layerSpec,
    name: c.name,
    because: layerBecause,
    prepare: (p) => layer(c, activationType(p)),
  })),
  ...[
    { name: 'one row of four', tokens: 1, count: 1, dim: 4 },
    { name: 'rows repeated and left out', tokens: 19, count: 31, dim: 4 * 37 },
    { name: 'more rows than a grid has workgroups on one side', tokens: 3, count: 70_001, dim: 4 },
  ].map((c): KernelCase => ({
    kernel: gatherSpec,
    name: c.name,
    because: 'copies are exact',
    devices: ['as it is', '32 lanes'],
    prepare: () => gather(c.tokens, c.count, c.dim),
  })),
]
