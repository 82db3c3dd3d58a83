/** Every block type against the values that GGML itself gives for the same bytes. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { blockTypes } from '../../../src/main/engine/formats/block-types'
import { openGguf } from '../../../src/main/engine/formats/gguf'
import { decomposeBlocks, isQuantized } from '../../../src/main/engine/quant/blocks/decomposition'
import { dequantize } from '../../../src/main/engine/quant/blocks/dequantize'

const golden = new URL('../../golden/quantization/', import.meta.url).pathname
const expected = JSON.parse(await readFile(`${golden}gguf-types.json`, 'utf8')) as {
  shape: number[]
  values: Record<string, number[]>
}
const file = await openGguf(`${golden}gguf-types.gguf`)

describe('block types', () => {
  it('are all in the file', () => {
    expect(file.tensors.size).toBe(15)
    expect(new Set(Object.keys(expected.values))).toEqual(new Set(file.tensors.keys()))
  })

  for (const tensor of file.tensors.values()) {
    it(`dequantizes ${tensor.type} to the reference values`, async () => {
      const bytes = await file.read(tensor.name, 0, tensor.sizeBytes)
      const values = dequantize(tensor.type, bytes, 3 * 512)
      const reference = expected.values[tensor.name].flat()
      expect(tensor.shape).toEqual(expected.shape)
      expect(values.length).toBe(reference.length)
      const worst = values.reduce((most, value, i) => Math.max(most, Math.abs(value - reference[i])), 0)
      expect(worst).toBeLessThanOrEqual(1e-6)
      const { blockSize, blockBytes } = blockTypes[tensor.type]
      expect(tensor.sizeBytes).toBe((1536 / blockSize) * blockBytes)
    })
  }

  for (const tensor of file.tensors.values()) {
    const { name, type, sizeBytes } = tensor
    if (!isQuantized(type)) continue
    it(`takes ${type} apart without loss, into codes within its bits`, async () => {
      const bytes = await file.read(name, 0, sizeBytes)
      const { q, scale, min, groupSize, bits } = decomposeBlocks(type, bytes, 1536)
      const whole = dequantize(type, bytes, 1536)
      const joined = Float32Array.from(q, (code, i) => {
        const group = Math.floor(i / groupSize)
        return scale[group] * code + (min ? min[group] : 0)
      })
      expect(joined).toEqual(whole)
      expect(scale.length).toBe(1536 / groupSize)
      expect(q instanceof (min ? Uint8Array : Int8Array)).toBe(true)
      const most = Math.max(...q)
      if (min) expect(most).toBeLessThan(2 ** bits)
      else expect(bits).toBe(8)
    })
  }
})
