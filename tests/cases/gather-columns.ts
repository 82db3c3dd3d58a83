/** Cases of gather_columns: one quarter of inputs, tails, repeated columns, many tokens. */
import { gatherColumns as spec } from '../../src/main/engine/kernels/gather-columns'
import { gatherColumns } from '../reference/gather-columns'
import { outliers, random } from './fill'
import { activationType, typed, type KernelCase, type KernelRun } from './kernel-case'

function prepare(tokens: number, cols: number, type: 'f32' | 'f16'): KernelRun {
  const next = random(4)
  const x = typed(outliers(tokens * cols, 1), type)
  const columns = Uint32Array.from({ length: cols }, () => Math.floor(next() * cols))
  return {
    constants: { IN: type },
    values: { tokens, cols },
    buffers: { x, columns, y: typed(new Float32Array(tokens * cols), type) },
    expected: [{ output: 'y', type, values: gatherColumns(x, columns, cols), allowed: 0 }],
  }
}

export const cases: KernelCase[] = [
  { name: 'one token of four', tokens: 1, cols: 4 },
  { name: 'a prime number of vectors', tokens: 19, cols: 4 * 37 },
  { name: 'more tokens than a grid has workgroups on one side', tokens: 70_001, cols: 4 },
].map(({ name, tokens, cols }) => ({
  kernel: spec,
  name,
  because: 'copies are exact',
  prepare: (profile) => prepare(tokens, cols, activationType(profile)),
}))
