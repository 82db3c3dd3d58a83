/** Every block type against the values that GGML itself gives for the same bytes. */
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { blockTypes } from '../../../src/main/engine/formats/block-types'
import { openGguf } from '../../../src/main/engine/formats/gguf'
import { decomposeBlocks, isQuantized } from '../../../src/main/engine/quant/blocks/decomposition'
import { dequantize } from '../../../src/main/engine/quant/blocks/dequantize'
import { f16ToF32 } from '../../../src/main/engine/quant/blocks/half'
import { readGolden } from '../golden'

const golden = join(import.meta.dirname, '../../golden/quantization')
const expected = readGolden<{
  shape: number[]
  values: Record<string, number[]>
}>('quantization', 'gguf-types.json')
const file = await openGguf(join(golden, 'gguf-types.gguf'))
afterAll(() => file.close())

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

  it('refuses bytes that are not exactly the blocks of the count', () => {
    const refused = expect.objectContaining({ code: 'invalid_input' }) as unknown
    expect(() => dequantize('q4_0', new Uint8Array(18), 33)).toThrow(refused)
    expect(() => dequantize('q8_0', new Uint8Array(35), 32)).toThrow(refused)
    expect(() => decomposeBlocks('q4_k', new Uint8Array(143), 256)).toThrow(refused)
    expect(() => dequantize('f32', new Uint8Array(4), -1)).toThrow(refused)
    expect(() => dequantize('i32', new Uint8Array(4), 1)).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })

  it('reads f32 from bytes at any address', () => {
    const shifted = new Uint8Array(new Uint8Array(9).buffer, 1)
    shifted.set(new Uint8Array(new Float32Array([1.5, -2]).buffer))
    expect(dequantize('f32', shifted, 2)).toEqual(new Float32Array([1.5, -2]))
  })

  it('knows every f16: subnormal, infinite and not a number', () => {
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i)
    const values = f16ToF32(new Uint8Array(bits.buffer), 65_536)
    const view = new DataView(bits.buffer)
    const expectedValues = Float32Array.from(bits, (_, i) => halfOf(view.getUint16(2 * i, true)))
    expect(values).toEqual(expectedValues)
  })
})

/** IEEE 754 binary16 by its definition. */
function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? (sign * fraction) / 2 ** 24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
