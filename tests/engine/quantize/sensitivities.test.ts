/** Sensitivities of a tiny model against whole models with a matrix replaced. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Gpu } from '../../../src/main/engine/device/gpu'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { type QuantizedMatrix } from '../../../src/main/engine/formats/quantized-matrix'
import { type WeightFile } from '../../../src/main/engine/formats/weight-file'
import { type ModelConfig } from '../../../src/main/engine/models/config'
import { loadDecoder, readModelConfig } from '../../../src/main/engine/models/load-decoder'
import { quantizeMatrix } from '../../../src/main/engine/quant/methods'
import { type Candidate } from '../../../src/main/engine/quantize/candidate-errors'
import { divergence } from '../../../src/main/engine/quantize/divergence'
import { linearMatrices, type ModelMatrix, readValues } from '../../../src/main/engine/quantize/model-matrices'
import { OverlayFile } from '../../../src/main/engine/quantize/overlay-file'
import { measureSensitivities, type Sensitivities } from '../../../src/main/engine/quantize/sensitivities'
import { ModelRunner } from '../../../src/main/engine/runtime/model-runner'
import { idsOf, tinyModel } from '../runtime/tiny-models'

const windows = {
  seen: Array.from({ length: 10 }, (_, i) => idsOf(64, i)),
  heldOut: [idsOf(64, 20), idsOf(64, 21)],
}
const options = { gptq: { damping: 0.01, actOrder: true, blockColumns: 128 }, awq: { steps: 10 } }
/** As the sensitivities' own; rows of 96 inputs have groups of 32, those of 176 none. */
const rounding = (bits: number, cols: number): Candidate['rounding'] & { method: 'rtn' } => ({ method: 'rtn', bits, group: cols % 32 === 0 ? 32 : 'row', symmetric: false, scaleType: 'f16', search: false }) // prettier-ignore
const candidatesOf = ({ cols }: ModelMatrix): Candidate[] => [
  ...[2, 3, 4, 8].map((bits) => ({ scaled: false, rounding: rounding(bits, cols) })),
  { scaled: false, rounding: { ...rounding(3, cols), method: 'gptq', search: false } },
  { scaled: true, rounding: rounding(3, cols) },
  { scaled: false, rounding: cols % 32 === 0 ? { method: 'blocks', type: 'q8_0' } : rounding(8, cols) },
  { scaled: false, rounding: null },
]

let gpu: Gpu
let file: WeightFile
let config: ModelConfig
let matrices: ModelMatrix[]
let found: Sensitivities
const progress: number[] = []
beforeAll(async () => {
  gpu = await Gpu.open()
  file = await openModelFile(await tinyModel())
  config = await readModelConfig(file)
  matrices = linearMatrices(file, config)
  found = await measureSensitivities(gpu, file, config, {
    ...options,
    windows,
    candidates: candidatesOf,
    onProgress: (done) => progress.push(done),
  })
}, 120_000)
afterAll(async () => {
  await file.close()
  gpu.destroy()
})

/** Logits of the whole model over the beginnings of the windows kept from the methods. */
async function logits(of: WeightFile): Promise<Float32Array[]> {
  const decoder = await loadDecoder(gpu, of, config)
  const runner = await ModelRunner.open(gpu, decoder, { activations: 'f32', kvType: 'f32', contextLength: 64, blocks: 8 }) // prettier-ignore
  const rows = await runner.logits([
    { ids: windows.heldOut[0], position: 0, blocks: [0, 1, 2, 3], logits: 'all' },
    { ids: windows.heldOut[1], position: 0, blocks: [4, 5, 6, 7], logits: 'all' },
  ])
  runner.release()
  decoder.buffers.release()
  return rows
}

async function divergenceWith(bits: number, changed: readonly ModelMatrix[]): Promise<number> {
  const replaced = new Map<string, QuantizedMatrix>()
  for (const { name, cols } of changed)
    replaced.set(name, quantizeMatrix(await readValues(file, name), cols, rounding(bits, cols)))
  const [before, after] = [await logits(file), await logits(new OverlayFile(file, replaced))]
  return before.reduce((sum, row, i) => sum + divergence(row, after[i], null).kld, 0) / before.length
}

describe('sensitivities', () => {
  it('are the divergences of the model with one matrix rounded', { timeout: 60_000 }, async () => {
    expect(found.matrices.map((m) => m.matrix.canonical)).toEqual(matrices.map((m) => m.canonical))
    for (const at of [0, 9, 20]) {
      const { matrix, kld } = found.matrices[at]
      expect(kld).toBeGreaterThan(0)
      expect(kld / (await divergenceWith(3, [matrix]))).toBeCloseTo(1, 2)
    }
    expect(progress).toEqual(Array.from({ length: matrices.length + 1 }, (_, i) => i))
  })

  it('foretell those of other bits', async () => {
    const { matrix, candidates: told } = found.matrices[13]
    // Twice the levels, a quarter of the divergence: within the scatter of 128 tokens.
    const measured = await divergenceWith(4, [matrix])
    expect(told[2].kld / measured).toBeGreaterThan(0.6)
    expect(told[2].kld / measured).toBeLessThan(1.6)
  })

  it('say how much more all matrices together cost than the sum of each', async () => {
    const sum = found.matrices.reduce((all, m) => all + m.candidates[2].kld, 0)
    expect(found.interaction * sum).toBeCloseTo(await divergenceWith(4, matrices), 2)
  })

  it('fall with every bit, and are lower for methods that look at the inputs', () => {
    const mean = (i: number) => found.matrices.reduce((all, m) => all + m.candidates[i].error, 0) / matrices.length
    for (const { candidates: told, kld, error } of found.matrices) {
      expect(told[1].kld).toBeCloseTo(kld, 9)
      expect(told[1].error).toBeCloseTo(error, 9)
      for (const i of [0, 1, 2]) expect(told[i].kld).toBeGreaterThan(told[i + 1].kld)
      expect(told[6].error).toBeLessThan(told[2].error)
      expect(told[7]).toEqual({ error: 0, kld: 0 })
    }
    expect(mean(4)).toBeLessThan(0.97 * mean(1))
    expect(mean(5)).toBeLessThan(1.05 * mean(1))
  })

  it('are given up within a second', async () => {
    const stop = new AbortController()
    let since = 0
    const run = measureSensitivities(gpu, file, config, {
      ...options,
      windows,
      candidates: candidatesOf,
      signal: stop.signal,
      onProgress: (done) => {
        if (done !== 2) return
        since = performance.now()
        stop.abort()
      },
    })
    await expect(run).rejects.toMatchObject({ code: 'cancelled' })
    expect(performance.now() - since).toBeLessThan(1000)
  })
})
