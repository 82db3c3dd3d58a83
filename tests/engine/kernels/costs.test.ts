/** Operations and bytes that specs promise a profiler, against what twins count and touch. */
import { describe, expect, it } from 'vitest'
import { activate, activationKinds } from '../../../src/main/engine/kernels/activate'
import {
  attention,
  attentionCombine,
  kvHeadBytes,
  kvTypes,
  type KvType,
  ropeStore,
} from '../../../src/main/engine/kernels/attention'
import { type Kernel } from '../../../src/main/engine/kernels/define-kernel'
import { embed } from '../../../src/main/engine/kernels/embed'
import { int8Inputs, matmulInt8Tiled, matmulInt8Vec } from '../../../src/main/engine/kernels/int8'
import {
  adjustLogits,
  logitsSlices,
  tokenLoss,
  topKCollect,
  topKThreshold,
} from '../../../src/main/engine/kernels/logits'
import { matmulTiled, matmulVec } from '../../../src/main/engine/kernels/matmul'
import { gatherColumns } from '../../../src/main/engine/kernels/gather-columns'
import { gatherRows, layerNorm, rmsNorm } from '../../../src/main/engine/kernels/norms'
import { pool, poolingModes, type PoolingMode } from '../../../src/main/engine/kernels/pool'
import { packedBytes } from '../../../src/main/engine/quant/packed-layout'
import { planTiles } from '../../../src/main/engine/runtime/attention-tiles'
import { normal } from '../../cases/fill'
import {
  type CaseWeights,
  methods,
  methodWeights,
  typedWeights,
  weightConstants,
  weightTypes,
} from '../../cases/weights'
import { activate as activateTwin } from '../../reference/activate'
import { adjustLogits as adjustTwin } from '../../reference/adjust-logits'
import { attention as attentionTwin, softmaxSums, type AttentionShape } from '../../reference/attention'
import { attentionCombine as combineTwin } from '../../reference/attention-combine'
import { embed as embedTwin } from '../../reference/embed'
import { countFlops } from '../../reference/flops'
import { gatherColumns as columnsTwin } from '../../reference/gather-columns'
import { gatherRows as gatherTwin } from '../../reference/gather-rows'
import { int8Inputs as inputsTwin } from '../../reference/int8-inputs'
import { layerNorm as layerTwin } from '../../reference/layer-norm'
import { logitsSlices as slicesTwin } from '../../reference/logits-slices'
import { matmul } from '../../reference/matmul'
import { matmulInt8 } from '../../reference/matmul-int8'
import { pool as poolTwin } from '../../reference/pool'
import { rmsNorm as rmsTwin } from '../../reference/rms-norm'
import { ropeStore as ropeTwin } from '../../reference/rope-store'
import { tokenLoss as lossTwin } from '../../reference/token-loss'
import { topKCollect as collectTwin } from '../../reference/top-k-collect'
import { topKThreshold as thresholdTwin } from '../../reference/top-k-threshold'

const numbers = (count: number, seed = 1) => normal()(count, seed)

/** Bytes of the different elements that are read of arrays, four each unless said. */
class Memory {
  private readonly touched: Set<unknown>[] = []
  private bytes = 0

  read(values: ArrayLike<number>): ArrayLike<number> {
    const own = new Set<unknown>()
    this.touched.push(own)
    return new Proxy(Array.from(values), {
      get: (target, key): unknown => {
        if (typeof key === 'string' && /^\d+$/.test(key)) own.add(key)
        return Reflect.get(target, key)
      },
    })
  }

  /** Words written, or read by a kernel for other ends than its twin's. */
  add(words: number): void {
    this.bytes += 4 * words
  }

  get total(): number {
    return this.touched.reduce((sum, own) => sum + own.size * 4, this.bytes)
  }
}

interface Costs {
  kernel: Kernel
  shape: Record<string, number>
  /** Runs the twin on arrays that know what is read of them. */
  twin: (memory: Memory) => unknown
}

function expectCosts({ kernel, shape, twin }: Costs): void {
  const memory = new Memory()
  const flops = countFlops(() => twin(memory))
  expect({ flops: kernel.flops(shape), bytes: kernel.bytes(shape) }).toEqual({ flops, bytes: memory.total })
}

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

describe('attention', () => {
  const [HEADS, KV_HEADS, HEAD_DIM] = [4, 2, 16]
  const width = (HEADS + 2 * KV_HEADS) * HEAD_DIM

  it.each(kvTypes)('rope_store into %s', (kv) => {
    for (const [NORM, rope_dim] of [
      [0, 16],
      [1, 16],
      [1, 8],
      [0, 0],
    ])
      // prettier-ignore
      expectCosts({
        kernel: ropeStore[kv],
        shape: { tokens, rope_dim, HEADS, KV_HEADS, HEAD_DIM, NORM, ROPE: Number(rope_dim > 0) },
        twin: (m) => {
          const shape = { heads: HEADS, kvHeads: KV_HEADS, headDim: HEAD_DIM, ropeDim: rope_dim, queryScale: 1, eps: 1e-6 }
          const norms = { query: m.read(numbers(HEAD_DIM)), key: m.read(numbers(HEAD_DIM)) }
          for (let t = 0; t < tokens; t++) {
            const angles = m.read(numbers(rope_dim)) as number[]
            const out = ropeTwin(m.read(numbers(width)) as number[], angles, shape, NORM ? norms : undefined)
            m.add(1 + out.queries.length + (2 * KV_HEADS * kvHeadBytes(kv, HEAD_DIM)) / 4)
          }
        },
      })
  })

  /** Keys are read once by a tile, and by every group of heads that shares one. */
  it.each(kvTypes)('attention over %s', (kv) => {
    for (const [queryTokens, HEADS_PER_TILE, splits, ALIBI] of [
      [1, 2, 1, 0],
      [8, 1, 1, 1],
      [1, 2, 3, 0],
    ]) {
      // prettier-ignore
      const positions = queryTokens === 1 ? [[0, 500]] : [[0, 20], [1, 5]] // prettier-ignore
      const entries = positions.map(([table, position], i) =>
        queryTokens === 1 ? { firstToken: 0, count: 1, position, table } : { firstToken: i * 20, count: position, position: 0, table },
      ) // prettier-ignore
      const plan = planTiles(entries, { queryTokens, headsPerTile: HEADS_PER_TILE }, 0, 2, 2 * splits)
      const { queryKeys, readKeys, tokens } = plan
      const cost = { queryKeys, readKeys, tokens, tiles: plan.words.length / 8 }
      const PARTIAL = Number(plan.partial)
      const shape = { heads: HEADS, kvHeads: KV_HEADS, headDim: HEAD_DIM, window: 0, slopes: ALIBI ? numbers(HEADS) : undefined } // prettier-ignore
      expect(plan.partial).toBe(splits > 1)
      expectCosts({
        kernel: attention[kv],
        shape: { ...cost, HEADS, KV_HEADS, HEAD_DIM, HEADS_PER_TILE, ALIBI, PARTIAL },
        twin: (m) => attendTiles(m, kv, plan.words, { ...shape, headsPerTile: HEADS_PER_TILE, partial: plan.partial }),
      })
    }
  })

  it('attention_combine', () => {
    const parts = [2, 3]
    expectCosts({
      kernel: attentionCombine,
      shape: { tokens: 2, parts: 5, HEADS, HEAD_DIM },
      twin: (m) => {
        for (const count of parts)
          for (let h = 0; h < HEADS; h++) {
            const part = { weighted: Array.from(numbers(HEAD_DIM)), maximum: 1, total: 2 }
            m.add(count * (HEAD_DIM + 4) + combineTwin(Array.from({ length: count }, () => part)).length)
          }
        m.add(2 * parts.length)
      },
    })
  })
})

/** Walks tiles as attention's workgroups do, each head by itself. */
function attendTiles(
  m: Memory,
  kv: KvType,
  words: Uint32Array,
  shape: AttentionShape & { headsPerTile: number; partial: boolean },
): void {
  const { heads, kvHeads, headDim, headsPerTile, partial } = shape
  const sequence = { keys: numbers(512 * kvHeads * headDim), values: numbers(512 * kvHeads * headDim, 2) }
  const queries = new Set<number>()
  for (let tile = 0; tile < words.length; tile += 8) {
    const [first, count, from, to, , , position] = words.subarray(tile)
    m.add(((heads / headsPerTile) * (to - from) * 2 * kvHeadBytes(kv, headDim)) / 4)
    for (let t = 0; t < count; t++) {
      queries.add(first + t)
      for (let h = 0; h < heads; h++) {
        const q = Array.from(numbers(headDim))
        if (partial) m.add(softmaxSums(q, h, position + t, sequence, shape, from, to).weighted.length + 4)
        else m.add(attentionTwin(q, h, position + t, sequence, shape).length)
      }
    }
  }
  m.add(queries.size * heads * headDim)
}

describe('logits', () => {
  const [rows, vocab, SLICES] = [2, 1000, 256]
  const each = (m: Memory, twin: (row: ArrayLike<number>) => void) => {
    for (let r = 0; r < rows; r++) twin(m.read(numbers(vocab, r)))
  }

  it('adjust_logits', () => {
    const entries = [3, 7, 8].map((at) => ({ at, penalty: 1.1, offset: 1 }))
    expectCosts({
      kernel: adjustLogits,
      shape: { count: entries.length },
      // Of each entry four words, and a logit read and written.
      twin: (m) => {
        adjustTwin(numbers(100), entries)
        m.add(entries.length * (4 + 2))
      },
    })
  })

  it('logits_slices', () => {
    expectCosts({
      kernel: logitsSlices,
      shape: { rows, vocab, stride: vocab, SLICES },
      twin: (m) => each(m, (row) => m.add(4 * slicesTwin(row, SLICES).length)),
    })
  })

  it('top_k_threshold', () => {
    expectCosts({
      kernel: topKThreshold,
      shape: { rows, k: 5, SLICES },
      twin: (m) => {
        for (let r = 0; r < rows; r++) {
          thresholdTwin(m.read(numbers(SLICES, r)), 5)
          // The rest of each slice shares its vector; a threshold and a count are written.
          m.add(3 * SLICES + 2)
        }
      },
    })
  })

  it('top_k_collect', () => {
    expectCosts({
      kernel: topKCollect,
      shape: { rows, vocab, stride: vocab },
      // A threshold is read, a count read and written.
      twin: (m) =>
        each(m, (row) => {
          collectTwin(row, 1)
          m.add(3)
        }),
    })
  })

  it('token_loss', () => {
    expectCosts({
      kernel: tokenLoss,
      shape: { rows, vocab, stride: vocab },
      // A target is read, a loss written.
      twin: (m) =>
        each(m, (row) => {
          lossTwin(row, 5)
          m.add(2)
        }),
    })
  })
})
