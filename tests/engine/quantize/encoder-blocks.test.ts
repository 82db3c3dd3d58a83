/** Encoders block by block: the same hidden states as all at once, and methods that see what the matrices read. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Gpu } from '../../../src/main/engine/device/gpu'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { type WeightFile } from '../../../src/main/engine/formats/weight-file'
import { loadEncoder, readModelConfig } from '../../../src/main/engine/models/load-decoder'
import { BlockStream } from '../../../src/main/engine/quantize/block-stream'
import { foldsOf } from '../../../src/main/engine/quantize/fold'
import { linearMatrices } from '../../../src/main/engine/quantize/model-matrices'
import { type BlockOutcome, type MatrixRecipe } from '../../../src/main/engine/quantize/quantize-block'
import { quantizeBlocks } from '../../../src/main/engine/quantize/quantize-model'
import { EncoderRunner } from '../../../src/main/engine/runtime/encoder-runner'
import { golden, largestDifference } from '../golden'
import { idsOf } from '../runtime/tiny-models'

let gpu: Gpu
beforeAll(async () => {
  gpu = await Gpu.open()
})
afterAll(async () => {
  await gpu.idle()
  gpu.destroy()
})

const windows = [64, 1, 17, 160].map((count, seed) => idsOf(count, seed))

async function withTiny<T>(name: string, work: (file: WeightFile) => Promise<T>): Promise<T> {
  const file = await openModelFile(golden('tiny-models', name))
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}

it.each(['bert', 'roberta', 'xlm-roberta'])('%s: hidden states as all blocks together give them', (name) =>
  withTiny(name, async (file) => {
    const config = await readModelConfig(file)
    const cut = windows.map((ids) => ids.slice(0, config.contextLength))
    const stream = await BlockStream.open(gpu, config, cut)
    await stream.embed(file)
    for (let layer = 0; layer < config.layers; layer++) await stream.run(file, layer, { advance: true })
    const runner = await EncoderRunner.open(gpu, await loadEncoder(gpu, file, config), 160)
    for (const [w, ids] of cut.entries())
      for (const [t, state] of (await runner.hiddenStates({ ids })).entries()) {
        const own = stream.hidden[w].subarray(t * config.hiddenDim, (t + 1) * config.hiddenDim)
        expect(largestDifference(own, state)).toBeLessThan(1e-4)
      }
    runner.release()
    await stream.close()
  }),
)

describe('methods that see inputs', () => {
  const seen = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => idsOf(128, seed))
  const heldOut = [11, 12].map((seed) => idsOf(128, seed))

  async function outcomes(rounding: MatrixRecipe['rounding'], scaled = false): Promise<BlockOutcome[]> {
    return withTiny('bert', async (file) => {
      const found: BlockOutcome[] = []
      await quantizeBlocks(gpu, file, await readModelConfig(file), {
        windows: { seen, heldOut },
        follow: true,
        recipeOf: () => ({ scaled, rounding }),
        gptq: { damping: 0.01, actOrder: true, blockColumns: 128 },
        awq: { steps: 20 },
        onBlock: async (_, outcome) => void found.push(outcome),
      })
      return found
    })
  }
  const grid = { bits: 3, group: 'row' as const, symmetric: false }
  const plain = { method: 'rtn' as const, ...grid, scaleType: 'f16' as const, search: false }
  const errorsOf = (blocks: BlockOutcome[]) => blocks.flatMap((b) => b.matrices.map((m) => m.relativeError))

  it('GPTQ is nearer to the outputs than rounding to nearest, in every matrix', async () => {
    const rtn = errorsOf(await outcomes(plain))
    const gptq = errorsOf(await outcomes({ method: 'gptq', ...grid, search: false }))
    expect(gptq).toHaveLength(18)
    gptq.forEach((error, i) => expect(error).toBeLessThan(0.9 * rtn[i]))
  })

  it('AWQ scales what the output projection reads, and nothing that the residual or a GELU stands in the way of', async () => {
    const [{ vectors, matrices }] = await outcomes(plain, true)
    expect([...vectors.keys()]).toEqual(['encoder.layer.0.attention.self.value.bias'])
    await withTiny('bert', async (file) => {
      const config = await readModelConfig(file)
      const roles = new Set(linearMatrices(file, config).map((m) => m.role))
      expect(foldsOf(config, roles).map((fold) => fold.readers)).toEqual([['attn_output']])
    })
    const [{ matrices: unscaled }] = await outcomes(plain)
    const errorOf = (own: typeof matrices, role: string) => own.find((m) => m.matrix.role === role)!.relativeError
    expect(errorOf(matrices, 'attn_q')).toBe(errorOf(unscaled, 'attn_q'))
  })
})
