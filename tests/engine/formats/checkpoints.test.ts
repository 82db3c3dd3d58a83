/** GPTQ and AWQ layouts: packed as the published formats say, read back as written, refused when they do not fit. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { awqWriter } from '../../../src/main/engine/formats/checkpoints/awq'
import { gptqWriter } from '../../../src/main/engine/formats/checkpoints/gptq'
import { awqConfig, gptqConfig } from '../../../src/main/engine/formats/checkpoints/quantization-config'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { codeLayoutOf, dequantizeMatrix } from '../../../src/main/engine/formats/quantized-matrix'
import { createSafetensors } from '../../../src/main/engine/formats/safetensors-writer'
import type { TensorDescriptor } from '../../../src/main/engine/formats/weight-writer'
import { CheckpointFolder, randomMatrix, readBack, weight } from './written-checkpoint'

const folder = await CheckpointFolder.open()

const hex = (bytes: Uint8Array, at = 0): string =>
  new DataView(bytes.buffer, bytes.byteOffset)
    .getUint32(4 * at, true)
    .toString(16)
    .padStart(8, '0')

const gptqSettings = (bits: number, symmetric = false) =>
  gptqConfig({ bits, groupSize: 32, symmetric, actOrder: false })

describe('GPTQ', () => {
  it('packs four bits along the inputs and zeros less one along the outputs', () => {
    const codes = Uint8Array.from({ length: 64 }, (_, i) => (i % 8 === 0 ? i / 8 : i % 8))
    const scales = Float32Array.from({ length: 8 }, (_, r) => r + 1)
    const zeros = Float32Array.from({ length: 8 }, (_, r) => r + 1)
    const matrix = randomMatrix(8, 8, 4, { codes, scales, zeros })
    const [packed, packedZeros, halves, order] = gptqWriter.encode(weight, matrix)
    expect(packed.name).toBe('model.layers.0.mlp.up_proj.qweight')
    expect(Array.from({ length: 8 }, (_, r) => hex(packed.bytes, r))).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7].map((r) => `7654321${r}`),
    )
    expect(hex(packedZeros.bytes)).toBe('76543210')
    expect([...new Float16Array(halves.bytes.slice().buffer)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect([...order.bytes]).toEqual(new Array(32).fill(0))
  })

  it('packs three bits across words', () => {
    const codes = new Uint8Array(32 * 32)
    // The eleventh code takes the last two bits of the first word and the first of the second.
    codes[10] = 0b110
    codes[21] = 0b101
    const [packed] = gptqWriter.encode(weight, randomMatrix(32, 32, 3, { codes }))
    expect([hex(packed.bytes, 0), hex(packed.bytes, 32), hex(packed.bytes, 64)]).toEqual([
      (0b10 * 2 ** 30).toString(16),
      (1 + 2 ** 31).toString(16),
      '00000002',
    ])
  })

  it.each([2, 3, 4, 5, 6, 7, 8])('keeps matrices of %i bits, affine and symmetric', async (bits) => {
    const affine = randomMatrix(64, 96, bits, { group: 32 })
    expect(await readBack(await folder.write(gptqWriter, affine, gptqSettings(bits)))).toEqual(affine)
    const symmetric = randomMatrix(32, 64, bits, { zeros: null, offset: 2 ** (bits - 1) })
    expect(await readBack(await folder.write(gptqWriter, symmetric, gptqSettings(bits, true)))).toEqual(symmetric)
  })

  it('keeps the groups of inputs in any order', async () => {
    const groupOf = Int32Array.from({ length: 96 }, (_, c) => (c * 7) % 3)
    const matrix = randomMatrix(32, 96, 4, { group: 32, groupOf })
    expect(await readBack(await folder.write(gptqWriter, matrix, gptqSettings(4)))).toEqual(matrix)
  })

  it('reads version 2, whose zeros are as they are, and quantize_config.json', async () => {
    const matrix = randomMatrix(32, 32, 4)
    const written = await folder.write(gptqWriter, matrix, { ...gptqSettings(4), checkpoint_format: 'gptq_v2' })
    expect((await readBack(written)).zeros).toEqual(matrix.zeros!.map((zero) => zero - 1))
    await writeFile(join(written.folder, 'config.json'), '{}')
    await writeFile(
      join(written.folder, 'quantize_config.json'),
      '{"bits": 4, "group_size": 32, "desc_act": false, "sym": false}',
    )
    expect((await readBack(written)).zeros).toEqual(matrix.zeros)
  })

  it('puts a group whose zero is 0 on a grid that version 1 can hold', async () => {
    const zeros = new Float32Array(32).fill(3)
    zeros[5] = 0
    const matrix = randomMatrix(32, 32, 4, { zeros })
    const found = await readBack(await folder.write(gptqWriter, matrix, gptqSettings(4)))
    const [before, after] = [dequantizeMatrix(matrix), dequantizeMatrix(found)]
    const step = (matrix.scales[5] * 15) / 14
    const moved = before.map((value, i) => Math.abs(value - after[i]))
    expect(moved.every((distance, i) => distance <= (Math.floor(i / 32) === 5 ? step * 0.5001 : 0))).toBe(true)
    expect(Math.max(...moved)).toBeGreaterThan(0)
  })

  it('refuses what it cannot hold', () => {
    const layout = codeLayoutOf(randomMatrix(32, 32, 4))
    expect(() => gptqWriter.describe(weight, 33, 32, layout)).toThrow(/33 x 32 codes of 4 bits do not fill whole words/)
    expect(() => gptqWriter.describe(weight, 32, 32, { ...layout, codebook: 'nf4' })).toThrow(/nf4 codes/)
    const half = randomMatrix(32, 32, 4, { zeros: new Float32Array(32).fill(2.5) })
    expect(() => gptqWriter.encode(weight, half)).toThrow(/a zero of 2.5/)
  })
})

describe('AWQ', () => {
  const zeros = Float32Array.from({ length: 8 }, (_, r) => r)

  it('packs eight outputs in its own order', () => {
    const codes = Uint8Array.from({ length: 64 }, (_, i) => Math.floor(i / 8))
    const parts = awqWriter.encode(weight, randomMatrix(8, 8, 4, { codes, zeros }))
    expect(hex(parts[0].bytes)).toBe('75316420')
    expect(hex(parts[1].bytes)).toBe('75316420')
  })

  it('keeps matrices', async () => {
    const matrix = randomMatrix(40, 128, 4, { group: 32 })
    expect(await readBack(await folder.write(awqWriter, matrix, awqConfig(32)))).toEqual(matrix)
    const symmetric = randomMatrix(8, 64, 4, { zeros: null, offset: 8 })
    const found = await readBack(await folder.write(awqWriter, symmetric, awqConfig(64)))
    expect(found.zeros).toEqual(new Float32Array(8).fill(8))
    expect(dequantizeMatrix(found)).toEqual(dequantizeMatrix(symmetric))
  })

  it('refuses what it cannot hold', () => {
    const layout = codeLayoutOf(randomMatrix(8, 8, 4))
    expect(() => awqWriter.describe(weight, 8, 8, { ...layout, bits: 3 })).toThrow(/codes of 3 bits/)
    expect(() => awqWriter.describe(weight, 12, 8, layout)).toThrow(/12 outputs/)
    expect(() => awqWriter.describe(weight, 8, 8, { ...layout, ordered: true })).toThrow(/another order/)
  })
})

describe('checkpoints that do not fit together', () => {
  /** A written checkpoint of which one tensor is replaced, and the message that refuses it. */
  async function refusal(config: unknown, change: (descriptor: TensorDescriptor) => TensorDescriptor): Promise<string> {
    const matrix = randomMatrix(32, 64, 4, { group: 32 })
    const tensors = gptqWriter.describe(weight, 32, 64, codeLayoutOf(matrix)).map(change)
    const target = await folder.next()
    const file = await createSafetensors(target, { tensors })
    for (const { name, shape, type } of tensors) {
      const width = type === 'i32' ? 4 : 2
      await file.write(name, new Uint8Array(width * shape.reduce((a, b) => a * b, 1)))
    }
    await file.finish()
    if (config !== undefined) await writeFile(join(target, 'config.json'), JSON.stringify(config))
    return openModelFile(target).then(
      async (opened) => {
        const read = await opened.readQuantized!(weight).catch((error: Error) => error)
        await opened.close()
        return read instanceof Error ? read.message : 'read'
      },
      (error: Error) => error.message,
    )
  }
  const same = (descriptor: TensorDescriptor): TensorDescriptor => descriptor
  const gptq = (more: object = {}) => ({ quantization_config: { ...gptqSettings(4), ...more } })
  const reshape =
    (suffix: string, shape: number[]) =>
    (descriptor: TensorDescriptor): TensorDescriptor =>
      descriptor.name.endsWith(suffix) ? { ...descriptor, shape } : descriptor

  it('are told what is wrong', async () => {
    expect(await refusal(undefined, same)).toMatch(/no config.json beside it has a quantization_config/)
    expect(await refusal({ quantization_config: { quant_method: 'hqq' } }, same)).toMatch(/quant_method .* is "hqq"/)
    expect(await refusal(gptq({ checkpoint_format: 'marlin' }), same)).toMatch(/checkpoint_format .* is "marlin"/)
    expect(await refusal(gptq({ quant_method: 'awq', version: 'gemv' }), same)).toMatch(/version .* is "gemv"/)
    expect(await refusal(gptq(), reshape('qzeros', [2, 5]))).toMatch(/qzeros is \[2, 5\], where \[2, 4\] belongs/)
    expect(await refusal(gptq(), reshape('scales', [5, 32]))).toMatch(/5 groups of scales for 64 inputs/)
    expect(await refusal(gptq(), reshape('qweight', [64]))).toMatch(/up_proj.weight: .*bits/)
    expect(await refusal(gptq(), (d) => (d.name.endsWith('scales') ? { ...d, type: 'i16' } : d))).toMatch(
      /scales is i16/,
    )
    expect(await refusal(gptq(), (d) => (d.name.endsWith('qzeros') ? { ...d, name: 'other' } : d))).toMatch(
      /its part .*qzeros is missing/,
    )
    // All inputs in group 0 of two.
    expect(await refusal(gptq(), same)).toMatch(/g_idx does not give each of 2 groups 32 inputs/)
    expect(await refusal(gptq({ sym: true }), (d) => (d.name.endsWith('g_idx') ? { ...d, name: 'other' } : d))).toMatch(
      /sym: true, but a zero is not 8/,
    )
    expect(await refusal(gptq(), (d) => (d.name.endsWith('g_idx') ? { ...d, name: 'other' } : d))).toBe('read')
  })
})
