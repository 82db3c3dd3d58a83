/** Models whose matrices a checkpoint keeps as codes: they must compute what the same weights as floats compute. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { quantizedFile } from '../../../bench/quantized-file'
import { Gpu } from '../../../src/main/engine/device/gpu'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { dequantizeMatrix, type QuantizedMatrix } from '../../../src/main/engine/formats/quantized-matrix'
import { type WeightFile } from '../../../src/main/engine/formats/weight-file'
import { loadDecoder, loadEncoder, readModelConfig } from '../../../src/main/engine/models/load-decoder'
import { type MatrixMethod, quantizeMatrix } from '../../../src/main/engine/quant/methods'
import { EncoderRunner } from '../../../src/main/engine/runtime/encoder-runner'
import { WeightLoader } from '../../../src/main/engine/layers/weight-loader'
import { planMemory } from '../../../src/main/engine/runtime/memory-plan'
import { ModelRunner } from '../../../src/main/engine/runtime/model-runner'
import { golden, largestDifference } from '../golden'

let gpu: Gpu
beforeAll(async () => {
  gpu = await Gpu.open()
})
afterAll(async () => {
  await gpu.idle()
  gpu.destroy()
})

const linear = /layers?\.\d+\..*(proj|dense|query|key|value)\.weight$/
const rtn = (bits: number, symmetric = false): MatrixMethod => ({ method: 'rtn', bits, group: 'row', symmetric, scaleType: 'f16' }) // prettier-ignore

type Quantize = (weights: Float32Array, cols: number) => QuantizedMatrix
const by =
  (method: MatrixMethod): Quantize =>
  (weights, cols) =>
    quantizeMatrix(weights, cols, method)

/** Groups of 16 inputs that lie apart, each with a scale of its own; `groupOf` says which input belongs to which. */
const outOfOrder =
  (groupOf: (c: number, groups: number) => number): Quantize =>
  (weights, cols) => {
    const groups = cols / 16
    const matrix = quantizeMatrix(weights, cols, rtn(4))
    const each = (f: (r: number, g: number) => number) =>
      Float32Array.from({ length: matrix.rows * groups }, (_, i) => f(Math.floor(i / groups), i % groups))
    return {
      ...matrix,
      group: 16,
      scales: each((r, g) => Math.f16round(matrix.scales[r] * (1 + g / 8))),
      zeros: each((r, g) => (matrix.zeros![r] + g) % 16),
      groupOf: Int32Array.from({ length: cols }, (_, c) => groupOf(c, groups)),
    }
  }

/** The same weights as f32. */
function expanded(file: WeightFile): WeightFile {
  const values = async (name: string) => new Uint8Array(dequantizeMatrix(await file.readQuantized!(name)).buffer)
  return {
    ...file,
    tensors: new Map([...file.tensors].map(([name, { quantized, ...info }]) => [name, quantized ? { ...info, type: 'f32', sizeBytes: 4 * info.shape[0] * info.shape[1] } : info])), // prettier-ignore
    read: async (name, offset, length) =>
      file.tensors.get(name)?.quantized
        ? (await values(name)).slice(offset, offset + length)
        : file.read(name, offset, length),
  }
}

const ids = Array.from({ length: 300 }, (_, i) => 3 + ((i * 37) % 250))

async function logits(file: WeightFile, planned = true): Promise<number[]> {
  const config = await readModelConfig(file)
  const options = { activations: 'f32', kvType: 'f32', contextLength: 320, blocks: 20 } as const
  const runner = await ModelRunner.open(gpu, await loadDecoder(gpu, file, config), options)
  const limits = { maxBufferBytes: 2 ** 30, maxBindingBytes: 2 ** 30, availableBytes: null, lanes: gpu.profile.lanes }
  const load = { contextLength: 320, computeType: 'f32', kvType: 'f32' } as const
  const { weightsBytes } = planMemory(config, file.tensors.values(), load, limits)
  // The plan pads every tensor to whole tiles, the loader what is stacked: gate and up of 176 rows, here.
  if (planned) expect(Math.abs(runner.model.buffers.sizeBytes - weightsBytes) / weightsBytes).toBeLessThan(0.06)
  const blocks = Array.from({ length: 20 }, (_, i) => i)
  // One token is a product with a vector, few and many are products with tiles, 290 take two passes through the order.
  const found: number[] = []
  for (const [from, to] of [
    [0, 1],
    [1, 7],
    [7, 297],
  ] as const) {
    const rows = await runner.logits([{ ids: ids.slice(from, to), position: from, blocks, logits: 'all' }])
    found.push(...rows.flatMap((row) => [...row]))
  }
  runner.release()
  runner.model.buffers.release()
  return found
}

const largest = (values: ArrayLike<number>) => Array.from(values).reduce((most, v) => Math.max(most, Math.abs(v)), 0)

describe.each<[string, Quantize, 'f16' | 'f32']>([
  ['2 bits', by(rtn(2)), 'f16'],
  ['3 bits, symmetric', by(rtn(3, true)), 'f16'],
  ['6 bits', by(rtn(6)), 'f16'],
  ['8 bits by rows', by({ method: 'absmax', per: 'row', scaleType: 'f32' }), 'f32'],
  ['8 bits with a zero point', by({ method: 'zero_point', per: 'row', scaleType: 'f16' }), 'f16'],
  [
    'HQQ with zeros between codes',
    by({ method: 'hqq', bits: 4, group: 'row', scaleType: 'f16', wholeZeros: false }),
    'f16',
  ],
  ['groups in another order', outOfOrder((c, groups) => (c * 5) % groups), 'f16'],
  ['groups of unequal size', outOfOrder((c, groups) => Math.floor((c * c) / 7) % groups), 'f16'],
])('a decoder in %s', (name, quantize, type) => {
  it('computes what the same weights as floats compute', async () => {
    const file = await openModelFile(golden('tiny-models', 'llama-gqa'))
    const quantized = await quantizedFile(file, { chosen: (name) => linear.test(name), quantize, type })
    expect([...quantized.tensors.values()].filter((t) => t.quantized).length).toBe(21)
    const expected = await logits(expanded(quantized))
    // Such groups become floats: no header tells, and no program writes them.
    const found = await logits(quantized, name !== 'groups of unequal size')
    await file.close()
    expect(largestDifference(found, expected)).toBeLessThan(2e-4 * Math.max(1, largest(expected)))
  })
})

it('stacks projections whose inputs are in the same order, and keeps those apart that differ', async () => {
  const file = await openModelFile(golden('tiny-models', 'llama-gqa'))
  const matrices = async (order: (name: string) => number) => {
    const quantize = (weights: Float32Array, cols: number, name: string) =>
      outOfOrder((c, groups) => (c * order(name)) % groups)(weights, cols)
    const quantized = await quantizedFile(file, { chosen: (name) => /q_proj|k_proj|v_proj/.test(name), quantize, type: 'f16' }) // prettier-ignore
    const loader = await WeightLoader.open(gpu, quantized, { nameOf: (name) => name })
    const sources = ['q', 'k', 'v'].map((p) => ({ name: `model.layers.0.self_attn.${p}_proj.weight` }))
    const found = await loader.matrices(sources, 96)
    loader.buffers.release()
    return found.map(({ rows, columns }) => [rows, columns !== null])
  }
  expect(await matrices(() => 5)).toEqual([[160, true]])
  expect(await matrices((name) => (name.includes('v_proj') ? 7 : 5))).toEqual([
    [128, true],
    [32, true],
  ])
  await file.close()
})

it('an encoder in NF4 embeds what its weights as floats embed', async () => {
  const file = await openModelFile(golden('tiny-models', 'bert'))
  const quantized = await quantizedFile(file, {
    chosen: (name) => linear.test(name),
    quantize: (weights, cols) => quantizeMatrix(weights, cols, { method: 'codebook', codebook: 'nf4', block: cols }),
    type: 'f32',
  })
  expect([...quantized.tensors.values()].filter((t) => t.quantized).length).toBeGreaterThan(5)
  const pooled = async (source: WeightFile) => {
    const encoder = await loadEncoder(gpu, source, await readModelConfig(source))
    const runner = await EncoderRunner.open(gpu, encoder, 128)
    const [vector] = await runner.pooled([{ ids: ids.slice(0, 20) }], 'mean', true)
    runner.release()
    encoder.buffers.release()
    return vector
  }
  const [found, expected] = [await pooled(quantized), await pooled(expanded(quantized))]
  await file.close()
  expect(largestDifference(found, expected)).toBeLessThan(1e-3)
})
