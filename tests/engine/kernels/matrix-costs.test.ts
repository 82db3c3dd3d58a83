/** What matrix products and embeddings cost, in every packed format. */
import { describe, expect, it } from 'vitest'
import { embed } from '../../../src/main/engine/kernels/embed'
import { int8Inputs, matmulInt8Tiled, matmulInt8Vec } from '../../../src/main/engine/kernels/int8'
import { matmulTiled, matmulVec } from '../../../src/main/engine/kernels/matmul'
import { packedBytes } from '../../../src/main/engine/quant/packed-layout'
import {
  type CaseWeights,
  methods,
  methodWeights,
  typedWeights,
  weightConstants,
  weightTypes,
} from '../../cases/weights'
import { embed as embedTwin } from '../../reference/embed'
import { int8Inputs as inputsTwin } from '../../reference/int8-inputs'
import { matmul } from '../../reference/matmul'
import { matmulInt8 } from '../../reference/matmul-int8'
import { expectCosts, numbers } from './costs'

const tokens = 3

/** Whole tiles and steps, so that the packed arrays hold no padding. */
const [rows, cols] = [32, 256]
const packedWeights: [string, CaseWeights][] = [
  ...weightTypes.map((type): [string, CaseWeights] => [type, typedWeights(type, rows, cols, 8, 1)]),
  ...[
    '2 bits, groups of 64',
    '3 bits, symmetric, a row',
    '6 bits, groups of 64',
    'NF4, blocks of 64',
    'FP4, blocks of 64',
  ].map((name): [string, CaseWeights] => [name, methodWeights(methods[name], rows, cols, 8, 1)]),
]

describe.each(packedWeights)('weights of %s', (_, { layout, tiles }) => {
  const constants = Object.fromEntries(Object.entries(weightConstants(layout)).map(([k, v]) => [k, Number(v)]))
  const packed = (count: number) =>
    Object.values(packedBytes(layout, count, cols, 8)).reduce((sum, bytes) => sum + bytes, 0)

  it('takes the bytes that the packer makes', () => {
    const made = Object.values(tiles).reduce((sum, words: Uint32Array) => sum + words.byteLength, 0)
    expect(packed(rows)).toBe(made)
  })

  it.each([matmulVec, matmulTiled])('in matrix products', (family) => {
    for (const [BIAS, ADD] of [
      [0, 0],
      [1, 0],
      [1, 1],
    ])
      // prettier-ignore
      expectCosts({
        kernel: family[layout.format],
        shape: { tokens, rows, cols, BIAS, ADD, ...constants },
        twin: (m) => {
          const own = (count: number) => m.read(numbers(count))
          const shape = { tokens, rows, cols }
          const y0 = ADD ? own(tokens * rows) : undefined
          m.add(matmul(own(tokens * cols), numbers(rows * cols), shape, BIAS ? own(rows) : undefined, y0).length)
          m.add(packed(rows) / 4)
        },
      })
  })

  it('in embeddings', () => {
    const ids = Array.from({ length: rows }, (_, i) => rows - 1 - i)
    for (const ADD of [0, 1])
      expectCosts({
        kernel: embed[layout.format],
        shape: { tokens: rows, cols, ADD, ...constants },
        twin: (m) => {
          const shape = { rows, cols, firstRow: 0 }
          const y = embedTwin(m.read(ids), numbers(rows * cols), shape, 2, numbers(rows * cols), ADD > 0)
          m.add(y.length * (1 + ADD))
          m.add(packed(rows) / 4)
        },
      })
  })
})

describe('int8 products', () => {
  const [cols, steps, rows] = [64, 2, 32]

  it('int8_inputs', () => {
    expectCosts({
      kernel: int8Inputs,
      shape: { tokens: 9, cols, steps },
      // Four codes a word, a scale a token, and two blocks' outliers.
      twin: (m) => m.add(inputsTwin(m.read(numbers(9 * cols)), cols, 6).codes.length / 4 + 9 + 2 * steps),
    })
  })

  it.each([matmulInt8Vec, matmulInt8Tiled])('$name', (kernel) => {
    const inputs = inputsTwin(numbers(tokens * cols), cols, 100)
    for (const [BIAS, ADD] of [
      [0, 0],
      [1, 0],
      [1, 1],
    ])
      expectCosts({
        kernel,
        shape: { tokens, rows, cols, steps, BIAS, ADD, GROUP: cols, WIDE: 1 },
        twin: (m) => {
          const own = (count: number) => m.read(numbers(count))
          const extra = { bias: BIAS ? own(rows) : undefined, y0: ADD ? own(tokens * rows) : undefined }
          m.add((tokens * cols) / 4 + tokens + steps + (rows * cols) / 4 + rows)
          m.add(matmulInt8(numbers(tokens * cols), inputs, numbers(rows * cols), { tokens, rows, cols }, extra).length)
        },
      })
  })
})
