/** Cases of activate: four functions, plain and gated, far from zero, beyond what f16 holds. */
import { activate as spec, activationKinds } from '../../src/main/engine/kernels/activate'
import { activate } from '../reference/activate'
import { normal, outliers, zeros, type Fill } from './fill'
import { activationType, stored, typed, unit, type KernelCase, type KernelRun } from './kernel-case'

type Kind = keyof typeof activationKinds

interface ActivateCase {
  name: string
  tokens: number
  dim: number
  fill?: Fill
  run?: number
}

const because =
  'exp is off by 3 + 2 |x| roundings (WGSL) where its result matters; tanh by 2^-17 of 1 at most, erf by 1.5e-7 of 1 (Abramowitz & ' +
  'Stegun 7.1.26); an f16 result is kept within 65,504'

/** Differences of f(v) that each function's approximation allows. */
const slips: Record<Kind, (v: number, f: number) => number> = {
  silu: (v, f) => Math.abs(f) * unit * (12 + 4 * Math.abs(v)) + 1e-37,
  gelu_tanh: (v) => 0.5 * Math.abs(v) * 2 ** -17,
  gelu: (v, f) => 0.5 * Math.abs(v) * 4e-7 + Math.abs(f) * 8 * unit,
  relu: () => 0,
}

function prepare(c: ActivateCase, kind: Kind, gated: boolean, type: 'f32' | 'f16'): KernelRun {
  const { tokens, dim, fill = normal(2) } = c
  const width = gated ? 2 * dim : dim
  const x = typed(fill(tokens * width, 1), type)
  const largest = type === 'f16' ? 65_504 : 3.4e38
  const clamped = (v: number) => Math.min(Math.max(v, -largest), largest)
  const expected = activate(x, dim, kind, gated).map(clamped)
  const errors = expected.map((_, i) => {
    const at = Math.floor(i / dim) * width + (i % dim)
    const value = gated ? Math.abs(x[at + dim]) : 1
    const [f] = activate([x[at]], 1, kind, false)
    return slips[kind](x[at], f) * value
  })
  return {
    constants: {
      IN: type,
      OUT: type,
      KIND: activationKinds[kind],
      GATED: gated,
      HALF: type === 'f16',
      RUN: c.run ?? 8,
    },
    values: { tokens, dim },
    buffers: { x, y: typed(new Float32Array(tokens * dim), type) },
    expected: [{ output: 'y', type, values: expected, allowed: stored(expected, type, errors) }],
  }
}

const shapes: ActivateCase[] = [
  { name: 'one vector of four', tokens: 1, dim: 4 },
  { name: 'a prime number of quarters, outliers', tokens: 3, dim: 4 * 37, fill: outliers },
  { name: 'far from zero', tokens: 2, dim: 64, fill: normal(3000) },
  { name: 'zeros', tokens: 2, dim: 20, fill: zeros },
  { name: 'a last workgroup with a tail', tokens: 5, dim: 4 * 131 },
]

const folded: ActivateCase = { name: 'more workgroups than one side of a grid', tokens: 1, dim: 4 * 8 * 65_600, run: 1 }

export const cases: KernelCase[] = [
  ...(Object.keys(activationKinds) as Kind[]).flatMap((kind) =>
    [false, true].flatMap((gated) =>
      shapes.map((c): KernelCase => ({
        kernel: spec,
        name: `${kind}${gated ? ', gated' : ''}: ${c.name}`,
        because,
        // No lane reads from another.
        devices: kind === 'silu' ? ['as it is', 'without shader-f16', '32 lanes'] : ['as it is', 'without shader-f16'],
        prepare: (p) => prepare(c, kind, gated, activationType(p)),
      })),
    ),
  ),
  {
    kernel: spec,
    name: `relu: ${folded.name}`,
    because,
    devices: ['as it is'],
    prepare: () => prepare(folded, 'relu', false, 'f32'),
  },
]
