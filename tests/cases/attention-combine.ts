/** Cases of attention_combine: parts of a prime number, parts that saw no key, parts that outweigh all others. */
import { attentionCombine as spec } from '../../src/main/engine/kernels/attention'
import { type SoftmaxSums } from '../reference/attention'
import { attentionCombine } from '../reference/attention-combine'
import { normal } from './fill'
import { activationType, stored, typed, unit, type KernelCase, type KernelRun } from './kernel-case'

interface CombineCase {
  name: string
  heads: number
  headDim: number
  /** Parts of each token. */
  parts: number[]
  /** Makes every second part one whose keys were all masked. */
  masked?: boolean
  spread?: number
}

function prepare(c: CombineCase, type: 'f32' | 'f16'): KernelRun {
  const { heads, headDim, spread = 3 } = c
  const count = c.parts.reduce((a, b) => a + b, 0)
  const width = headDim + 4
  const parts = normal()(count * heads * width, 1)
  for (let row = 0; row < count * heads; row++) {
    const masked = c.masked && Math.floor(row / heads) % 2 === 1
    const at = row * width
    if (masked) parts.fill(0, at, at + headDim)
    parts[at + headDim] = masked ? -1e30 : parts[at + headDim] * spread
    parts[at + headDim + 1] = masked ? 0 : 1 + Math.abs(parts[at + headDim + 1])
  }
  const spans: number[] = []
  const expected: number[] = []
  const errors: number[] = []
  let first = 0
  for (const own of c.parts) {
    spans.push(first, own)
    for (let h = 0; h < heads; h++) {
      const sums = Array.from({ length: own }, (_, s): SoftmaxSums => {
        const row = parts.subarray(((first + s) * heads + h) * width)
        return { weighted: Array.from(row.subarray(0, headDim)), maximum: row[headDim], total: row[headDim + 1] }
      })
      const sizes = sums.map((s) => ({ ...s, weighted: s.weighted.map(Math.abs) }))
      expected.push(...attentionCombine(sums))
      errors.push(...attentionCombine(sizes).map((v) => v * unit * (16 + 8 * spread + 2 * own)))
    }
    first += own
  }
  return {
    constants: { OUT: type, HEAD_DIM: headDim, HEADS: heads },
    values: { tokens: c.parts.length, parts: count },
    buffers: { parts, spans: Uint32Array.from(spans), out: typed(new Float32Array(expected.length), type) },
    expected: [{ output: 'out', type, values: expected, allowed: stored(expected, type, errors) }],
  }
}

const combineCases: CombineCase[] = [
  { name: 'one part', heads: 3, headDim: 16, parts: [1] },
  { name: 'a prime number of parts', heads: 3, headDim: 16, parts: [2, 1, 13, 7] },
  { name: 'parts that saw no key', heads: 3, headDim: 16, parts: [3, 5], masked: true },
  { name: 'one part outweighs all', heads: 3, headDim: 16, parts: [4, 6], spread: 50 },
  { name: 'widest heads', heads: 2, headDim: 256, parts: [3, 2] },
]

export const cases: KernelCase[] = combineCases.map((c) => ({
  kernel: spec,
  name: c.name,
  because: 'sums of parts weighed by exp, off by 3 + 2 |x| roundings (WGSL); only the largest weights count',
  devices: ['as it is', 'without shader-f16', '32 lanes'],
  prepare: (p) => prepare(c, activationType(p)),
}))
