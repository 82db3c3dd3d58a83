/** What norms, gathers, pooling and activations cost. */
import { describe, it } from 'vitest'
import { activate, activationKinds } from '../../../src/main/engine/kernels/activate'
import { gatherColumns } from '../../../src/main/engine/kernels/gather-columns'
import { gatherRows, layerNorm, rmsNorm } from '../../../src/main/engine/kernels/norms'
import { pool, poolingModes, type PoolingMode } from '../../../src/main/engine/kernels/pool'
import { activate as activateTwin } from '../../reference/activate'
import { gatherColumns as columnsTwin } from '../../reference/gather-columns'
import { gatherRows as gatherTwin } from '../../reference/gather-rows'
import { layerNorm as layerTwin } from '../../reference/layer-norm'
import { pool as poolTwin } from '../../reference/pool'
import { rmsNorm as rmsTwin } from '../../reference/rms-norm'
import { expectCosts, numbers } from './costs'

const [tokens, dim] = [3, 20]

describe('norms and activations', () => {
  it.each([0, 1])('rms_norm, adding: %i', (ADD) => {
    expectCosts({
      kernel: rmsNorm,
      shape: { tokens, dim, ADD },
      twin: (m) => {
        const own = (count: number) => m.read(numbers(count))
        m.add(rmsTwin(own(tokens * dim), own(dim), 1e-5, ADD ? own(tokens * dim) : undefined).length)
      },
    })
  })

  it('layer_norm', () => {
    expectCosts({
      kernel: layerNorm,
      shape: { tokens, dim },
      twin: (m) => {
        const own = (count: number) => m.read(numbers(count))
        m.add(layerTwin(own(tokens * dim), own(dim), own(dim), 1e-5).length)
      },
    })
  })

  it('gather_rows', () => {
    expectCosts({
      kernel: gatherRows,
      shape: { count: 2, dim },
      twin: (m) => m.add(gatherTwin(m.read(numbers(tokens * dim)), m.read([2, 0]), dim).length),
    })
  })

  it('gather_columns', () => {
    expectCosts({
      kernel: gatherColumns,
      shape: { tokens, cols: dim },
      twin: (m) => m.add(columnsTwin(m.read(numbers(tokens * dim)), m.read(numbers(dim).map((_, i) => i)), dim).length),
    })
  })

  it.each(Object.entries(poolingModes))('pool: %s', (mode, MODE) => {
    for (const NORMALIZE of [0, 1])
      expectCosts({
        kernel: pool,
        shape: { sequences: 2, dim, tokens: 2 * tokens, MODE, NORMALIZE },
        // Beside the vectors, where each sequence lies.
        twin: (m) => {
          for (const seed of [1, 2])
            m.add(2 + poolTwin(m.read(numbers(tokens * dim, seed)), dim, mode as PoolingMode, NORMALIZE > 0).length)
        },
      })
  })

  it.each(Object.entries(activationKinds))('activate: %s', (kind, KIND) => {
    for (const GATED of [0, 1])
      expectCosts({
        kernel: activate,
        shape: { tokens, dim, KIND, GATED },
        twin: (m) =>
          m.add(
            activateTwin(
              m.read(numbers(tokens * dim * (1 + GATED))),
              dim,
              kind as keyof typeof activationKinds,
              GATED > 0,
            ).length,
          ),
      })
  })
})
