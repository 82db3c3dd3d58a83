/** The layouts of bitsandbytes, 4 bits and LLM.int8(): packed as it packs them, read back as written. */
import { describe, expect, it } from 'vitest'
import { bitsandbytes4Writer } from '../../../src/main/engine/formats/checkpoints/bitsandbytes'
import { llmInt8Writer } from '../../../src/main/engine/formats/checkpoints/llm-int8'
import { bitsandbytes8Config } from '../../../src/main/engine/formats/checkpoints/quantization-config'
import { dynamicCode, expandScales, type DoubleScales } from '../../../src/main/engine/formats/double-scales'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { dequantizeMatrix, type QuantizedMatrix } from '../../../src/main/engine/formats/quantized-matrix'
import { golden, readFloats, readGolden } from '../golden'
import { CheckpointFolder, randomMatrix, readBack, weight } from './written-checkpoint'

const folder = await CheckpointFolder.open()

/** Where the values of a tensor lie among all. */
interface Places {
  [name: string]: { offset: number; count: number }
}

describe('bitsandbytes', () => {
  const codebooked = (rows: number, cols: number, codebook: 'nf4' | 'fp4' = 'nf4'): QuantizedMatrix =>
    randomMatrix(rows, cols, 4, { group: 64, zeros: null, codebook })

  it('packs the first code into the high nibble', () => {
    const matrix = codebooked(1, 64)
    matrix.codes.set([1, 2, 3, 4])
    const [packed] = bitsandbytes4Writer(null).encode(weight, matrix)
    expect([...packed.bytes.subarray(0, 2)]).toEqual([0x12, 0x34])
  })

  it.each(['nf4', 'fp4'] as const)('keeps %s matrices', async (codebook) => {
    const matrix = codebooked(12, 192, codebook)
    expect(await readBack(await folder.write(bitsandbytes4Writer(null), matrix))).toEqual(matrix)
  })

  it('keeps matrices whose scales are quantized too', async () => {
    const matrix = codebooked(300, 64)
    const quantized: DoubleScales = {
      codes: Uint8Array.from({ length: 300 }, (_, i) => (i * 7) & 255),
      code: dynamicCode(),
      absmax: Float32Array.of(0.02, 0.03),
      block: 256,
      offset: Math.fround(0.1234567),
    }
    const written = await folder.write(
      bitsandbytes4Writer((scales) => {
        expect(scales).toBe(matrix.scales)
        return quantized
      }),
      matrix,
    )
    expect(await readBack(written)).toEqual({ ...matrix, scales: expandScales(quantized) })
  })

  it('keeps LLM.int8() matrices', async () => {
    const matrix = randomMatrix(6, 40, 8, { zeros: null, offset: 128 })
    const written = await folder.write(llmInt8Writer, matrix)
    expect(new Int8Array(written.parts[0].bytes.slice().buffer)[0]).toBe(matrix.codes[0] - 128)
    const found = await readBack(written)
    expect(found.codes).toEqual(matrix.codes)
    // The layout keeps 127 times the scale.
    found.scales.forEach((scale, i) => expect(Math.abs(scale / matrix.scales[i] - 1)).toBeLessThan(2e-7))
  })

  it('tells how LLM.int8() matrices take their inputs', async () => {
    const matrix = randomMatrix(4, 32, 8, { zeros: null, offset: 128 })
    const threshold = async (config: unknown) =>
      (await readBack(await folder.write(llmInt8Writer, matrix, config))).inputThreshold
    expect(await threshold(undefined)).toBe(6)
    expect(await threshold(bitsandbytes8Config(4.5))).toBe(4.5)
    expect(await threshold(bitsandbytes8Config(0))).toBe(Infinity)
    await expect(threshold(bitsandbytes8Config(-1))).rejects.toThrow(/llm_int8_threshold .* is -1/)
  })

  it('writes its threshold as a float, which transformers insists on', () => {
    expect(JSON.stringify(bitsandbytes8Config(6))).toContain('"llm_int8_threshold":6.0,')
    expect(JSON.stringify(bitsandbytes8Config(5.5))).toContain('"llm_int8_threshold":5.5,')
  })

  it('reads what bitsandbytes itself wrote', async () => {
    const file = await openModelFile(golden('quantization', 'bitsandbytes'))
    const expected = readGolden<Places>('quantization', 'bitsandbytes', 'expected.json')
    const values = readFloats('quantization', 'bitsandbytes', 'expected.f32')
    expect([...file.tensors.keys()].sort()).toEqual([...Object.keys(expected), 'nf4.bias'].sort())
    for (const [name, { offset, count }] of Object.entries(expected)) {
      const weights = dequantizeMatrix(await file.readQuantized!(name))
      expect(weights.length).toBe(count)
      const wrong = weights.findIndex((w, i) => Math.abs(w - values[offset + i]) > 1e-6 * Math.abs(values[offset + i]))
      expect(wrong, name).toBe(-1)
    }
    await file.close()
  })
})
