/** Steps of the model runner: ragged batches, split keys, cached blocks, types of fewer bits, candidates from the GPU. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Gpu, openModelFile, readModelConfig } from '../../../src/main/engine'
import { loadDecoder } from '../../../src/main/engine/models/load-decoder'
import { ModelRunner, type RunnerOptions } from '../../../src/main/engine/runtime/model-runner'
import { type StepEntry } from '../../../src/main/engine/runtime/step-inputs'
import { adjustLogits } from '../../reference/adjust-logits'
import { golden, largestDifference } from '../golden'
import { idsOf } from './tiny-models'

let gpu: Gpu
beforeAll(async () => {
  gpu = await Gpu.open()
})
afterAll(async () => {
  await gpu.idle()
  gpu.destroy()
})

async function withRunner<T>(
  name: string,
  { slidingWindow, ...options }: Partial<RunnerOptions> & { slidingWindow?: number },
  use: (runner: ModelRunner) => Promise<T>,
): Promise<T> {
  const file = await openModelFile(golden('tiny-models', name))
  const config = await readModelConfig(file)
  const decoder = await loadDecoder(gpu, file, { ...config, slidingWindow: slidingWindow ?? config.slidingWindow })
  await file.close()
  const settings = { activations: 'f32', kvType: 'f32', contextLength: 512, blocks: 128, ...options } as const
  const runner = await ModelRunner.open(gpu, decoder, settings)
  try {
    return await use(runner)
  } finally {
    await gpu.idle()
    runner.release()
    decoder.buffers.release()
  }
}

/** A text's share of a step: `count` of its tokens, which follow `position` computed ones. */
const entryOf = (ids: number[], position: number, count: number, firstBlock: number): StepEntry => ({
  ids: ids.slice(position, position + count),
  position,
  blocks: Array.from({ length: Math.ceil((position + count) / 16) }, (_, i) => firstBlock + i),
  logits: 'last',
})

/** Logits after all of `ids`, computed alone. */
async function alone(runner: ModelRunner, ids: number[], firstBlock = 0): Promise<Float32Array> {
  return (await runner.logits([entryOf(ids, 0, ids.length, firstBlock)]))[0]
}

/** Sums in another order: differences of the last few bits of logits of about 5 (2e-6 measured). */
const rounding = 2e-5

// One for each way to attend and to place positions; every further shape of a model costs seconds of shader compilation.
describe.each(['llama-gqa', 'mistral-sliding-mqa', 'gemma3', 'opt', 'bloom-alibi'])('%s', (name) => {
  it('computes sequences of different lengths together as alone', async () => {
    await withRunner(name, {}, async (runner) => {
      const texts = [idsOf(290, 1), idsOf(1, 2), idsOf(43, 3), idsOf(16, 4), idsOf(70, 5)]
      const expected: Float32Array[] = []
      for (const ids of texts) expected.push(await alone(runner, ids))
      // Decoding, a prompt of one token, a whole prompt, one that ends a block, and the second half of one.
      const first = [0, 20, 24, 30, 34]
      await runner.logits([entryOf(texts[0], 0, 289, first[0])])
      await runner.logits([entryOf(texts[4], 0, 30, first[4])])
      const together = await runner.logits([
        entryOf(texts[0], 289, 1, first[0]),
        entryOf(texts[1], 0, 1, first[1]),
        entryOf(texts[2], 0, 43, first[2]),
        entryOf(texts[3], 0, 16, first[3]),
        entryOf(texts[4], 30, 40, first[4]),
      ])
      expected.forEach((row, i) => expect(largestDifference(together[i], row)).toBeLessThan(rounding))
    })
  })
})

describe('one sequence', () => {
  it('is the same to the last bit however its prompt is cut, from four tokens on', async () => {
    await withRunner('gemma3', {}, async (runner) => {
      const ids = idsOf(150)
      const expected = await alone(runner, ids)
      for (const cuts of [
        [64, 86],
        [16, 130, 4],
        [7, 50, 93],
      ]) {
        let at = 0
        let row: Float32Array = new Float32Array()
        for (const count of cuts) {
          ;[row] = await runner.logits([entryOf(ids, at, count, 0)])
          at += count
        }
        expect(row).toEqual(expected)
      }
    })
  })

  it('is the same through blocks that another sequence computed', async () => {
    await withRunner('llama-gqa', {}, async (runner) => {
      const [ids, other] = [idsOf(60), [...idsOf(32), ...idsOf(20, 9)]]
      const expected = await alone(runner, other, 20)
      await alone(runner, ids, 0)
      const [row] = await runner.logits([{ ...entryOf(other, 32, 20, 0), blocks: [0, 1, 50, 51] }])
      expect(row).toEqual(expected)
    })
  })

  // Gemma 3 has layers with a window and layers without: their keys are split at different places. A window of 300 can be split.
  it.each(['gemma3', 'bloom-alibi'])(
    'decodes with its keys split among workgroups as with all in one: %s',
    async (name) => {
      const ids = idsOf(500)
      const decode = async (runner: ModelRunner) => {
        await runner.logits([entryOf(ids, 0, 499, 0)])
        const short = idsOf(40, 3)
        await runner.logits([entryOf(short, 0, 39, 40)])
        return [
          ...(await runner.logits([entryOf(ids, 499, 1, 0)])),
          ...(await runner.logits([entryOf(ids, 499, 1, 0), entryOf(short, 39, 1, 40)])),
        ]
      }
      const whole = await withRunner(name, { slidingWindow: 300 }, (runner) => decode(withWorkgroups(runner, 1)))
      for (const workgroups of [4, 256]) {
        const split = await withRunner(name, { slidingWindow: 300 }, (runner) =>
          decode(withWorkgroups(runner, workgroups)),
        )
        split.forEach((row, i) => expect(largestDifference(row, whole[i])).toBeLessThan(rounding))
      }
    },
  )

  it('refuses an order of entries that split keys could not follow', async () => {
    await withRunner('llama-gqa', {}, async (runner) => {
      const entries = [entryOf(idsOf(5), 0, 5, 0), entryOf(idsOf(1), 0, 1, 2)]
      await expect(runner.logits(entries)).rejects.toMatchObject({ code: 'internal' })
      await expect(runner.logits([entryOf(idsOf(513), 0, 513, 0)])).rejects.toMatchObject({ code: 'internal' })
    })
  })
})

function withWorkgroups(runner: ModelRunner, parallelWorkgroups: number): ModelRunner {
  Object.assign(gpu.profile, { parallelWorkgroups })
  return runner
}

describe('fewer bits', () => {
  /**
   * A half has 11 bits: each rounding is at most 2^-11 of a value, 5e-4. Keys and values are rounded once, activations some ten
   * times a layer, and errors of three to six layers add up; logits here are up to 10.
   */
  it.each([
    ['f16 cache', { activations: 'f32', kvType: 'f16' }, 0.02],
    ['f16 compute', { activations: 'f16', kvType: 'f16' }, 0.08],
  ] as const)('stay near f32: %s', async (_, options, bound) => {
    const ids = idsOf(30)
    const expected = await withRunner('llama-gqa', {}, (runner) => alone(runner, ids))
    const row = await withRunner('llama-gqa', options, (runner) => alone(runner, ids))
    const difference = largestDifference(row, expected)
    expect(difference).toBeGreaterThan(0)
    expect(difference).toBeLessThan(bound)
  })
})

describe('candidates', () => {
  it('are the best of the changed logits, in order, with the log of the sum over all', async () => {
    await withRunner('llama-gqa', {}, async (runner) => {
      const texts = [idsOf(20, 1), idsOf(33, 2)]
      const rows = [await alone(runner, texts[0], 0), await alone(runner, texts[1], 4)]
      const best = rows[1].indexOf(Math.max(...rows[1]))
      const changes = [
        [],
        [
          { id: best, penalty: 1, offset: -100 },
          { id: 7, penalty: 1.7, offset: 0 },
          { id: 9, penalty: 0.5, offset: 2 },
          { id: 100_000, penalty: 2, offset: 1 },
        ],
      ]
      const entries = texts.map((ids, i) => entryOf(ids, 0, ids.length, 4 * i))
      const found = await runner.sample(entries, [
        { changes: changes[0], topK: 1 },
        { changes: changes[1], topK: 40 },
      ])
      rows.forEach((row, i) => {
        const known = changes[i].filter((c) => c.id < row.length).map((c) => ({ at: c.id, ...c }))
        const expected = adjustLogits(row, known)
        const order = expected.map((_, id) => id).sort((a, b) => expected[b] - expected[a])
        const { ids, logits, logSumExp } = found[i]!
        const count = i === 0 ? 1 : 40
        expect(Array.from(ids).slice(0, count)).toEqual(order.slice(0, count))
        order.slice(0, count).forEach((id, n) => expect(logits[n]).toBeCloseTo(expected[id], 4))
        const sum = expected.reduce((total, l) => total + Math.exp(l - expected[order[0]]), 0)
        expect(logSumExp).toBeCloseTo(expected[order[0]] + Math.log(sum), 4)
      })
      const all = await runner.allCandidates(1, found[1]!.logSumExp)
      expect(all.complete).toBe(true)
      expect(Array.from(all.ids).slice(0, 40)).toEqual(Array.from(found[1]!.ids).slice(0, 40))
      expect(new Set(Array.from(all.ids)).size).toBe(320)
    })
  })

  it('fall back to all logits where too many are alike', async () => {
    await withRunner('llama-gqa', {}, async (runner) => {
      // 320 logits, all lifted to nearly the same: every slice's maximum is a candidate.
      const ids = idsOf(10)
      const [found] = await runner.sample([entryOf(ids, 0, 10, 0)], [{ changes: [], topK: 192 }])
      expect(found!.ids.length).toBeGreaterThanOrEqual(192)
      const logits = Array.from(found!.logits)
      expect(logits).toEqual([...logits].sort((a, b) => b - a))
    })
  })

  it('give the losses of the tokens that follow', async () => {
    await withRunner('opt', {}, async (runner) => {
      const ids = idsOf(150)
      const rows = await runner.logits([{ ...entryOf(ids, 0, 149, 0), logits: 'all' }])
      const losses = await runner.losses([{ ...entryOf(ids, 0, 149, 0), logits: 'all' }], ids.slice(1))
      losses.forEach((loss, i) => {
        const top = Math.max(...rows[i])
        const sum = rows[i].reduce((total, l) => total + Math.exp(l - top), 0)
        expect(loss).toBeCloseTo(top + Math.log(sum) - rows[i][ids[i + 1]], 4)
      })
    })
  })
})
