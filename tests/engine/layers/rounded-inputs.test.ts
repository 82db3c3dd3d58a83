/** A linear layer whose checkpoint asks for int8 inputs, from its file to its outputs, against the twin in f64. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Gpu } from '../../../src/main/engine/device/gpu'
import { codeLayoutOf, dequantizeMatrix } from '../../../src/main/engine/formats/quantized-matrix'
import { type WeightFile } from '../../../src/main/engine/formats/weight-file'
import { Recorder } from '../../../src/main/engine/kernels/recorder'
import { Linear } from '../../../src/main/engine/layers/linear'
import { WeightLoader } from '../../../src/main/engine/layers/weight-loader'
import { absmaxInt8 } from '../../../src/main/engine/quant/int8'
import { normal, outliers } from '../../cases/fill'
import { int8Inputs } from '../../reference/int8-inputs'
import { matmulInt8 } from '../../reference/matmul-int8'

const [rows, cols] = [52, 96]
const matrix = absmaxInt8(normal(0.1)(rows * cols, 1), cols, { per: 'row', scaleType: 'f32' })
const weights = dequantizeMatrix(matrix)

/** Two such matrices, as a reader of LLM.int8() checkpoints hands them out. */
function file(inputThreshold: number): WeightFile {
  const quantized = { ...codeLayoutOf(matrix), inputThreshold }
  const info = (name: string) => ({
    name,
    shape: [rows, cols],
    type: 'f32' as const,
    sizeBytes: rows * (cols + 4),
    quantized,
  })
  const names = ['blk.0.ffn_gate.weight', 'blk.0.ffn_up.weight']
  return {
    format: 'safetensors',
    paths: ['memory'],
    sizeBytes: 2 * rows * (cols + 4),
    tensors: new Map(names.map((name) => [name, info(name)])),
    metadata: new Map(),
    read: () => Promise.reject(new Error('codes are not read as bytes')),
    readQuantized: () => Promise.resolve(matrix),
    close: () => Promise.resolve(),
  }
}

let gpu: Gpu
beforeAll(async () => void (gpu = await Gpu.open()))
afterAll(async () => {
  await gpu.idle()
  gpu.destroy()
})

async function run(threshold: number, x: Float32Array<ArrayBuffer>, tokens: number): Promise<Float32Array> {
  const loader = await WeightLoader.open(gpu, file(threshold), { nameOf: (name) => name })
  const sources = [{ name: 'blk.0.ffn_gate.weight' }, { name: 'blk.0.ffn_up.weight' }]
  const linear = await Linear.load(loader, sources, cols)
  const bytes = tokens * 2 * rows * 4
  const [input, output] = [await gpu.allocate('x', x.byteLength), await gpu.allocate('y', bytes)]
  const staging = await gpu.allocate('staging', bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST)
  gpu.write(input, 0, x)
  const recorder = new Recorder(gpu)
  linear.run({ recorder }, { x: input, y: output, tokens, input: 'f32', output: 'f32' })
  recorder.copy(output, 0, staging, 0, bytes)
  recorder.submit()
  const result = new Float32Array(await gpu.mapped(staging, bytes))
  for (const buffer of [input, output, staging]) gpu.release(buffer)
  loader.buffers.release()
  return result
}

describe.each([6, Infinity])('inputs as bytes, threshold %d', (threshold) => {
  // One token, a few, a tile, and more than there is room to round at a time.
  it.each([1, 3, 19, 300])('%i tokens', async (tokens) => {
    const x = outliers(tokens * cols, 5)
    const inputs = int8Inputs(x, cols, threshold)
    const one = matmulInt8(x, inputs, weights, { tokens, rows, cols })
    const y = await run(threshold, x, tokens)
    const largest = one.reduce((most, v) => Math.max(most, Math.abs(v)), 0)
    const errors = Array.from(y, (v, i) => Math.abs(v - one[Math.floor(i / (2 * rows)) * rows + (i % rows)]))
    // A code near the middle of two may fall to either side.
    const step = Math.max(...inputs.scales) * Math.max(...matrix.scales) * 127
    expect(Math.max(...errors)).toBeLessThan(largest * 1e-5 + step)
    expect(errors.filter((e) => e > largest * 1e-5).length / errors.length).toBeLessThan(0.02)
  })
})

it('room for rounded inputs is released with the model', async () => {
  const before = gpu.allocatedBytes
  await run(6, normal()(cols, 1), 1)
  expect(gpu.allocatedBytes).toBe(before)
})
