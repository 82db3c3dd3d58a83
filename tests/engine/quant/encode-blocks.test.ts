/** Block encoders: what they lose against llama.cpp's on the same weights, and what every block must keep. */
import { describe, expect, it } from 'vitest'
import { blockTypes } from '../../../src/main/engine/formats/block-types'
import { decomposeBlocks } from '../../../src/main/engine/quant/blocks/decomposition'
import { dequantize } from '../../../src/main/engine/quant/blocks/dequantize'
import { encodeBlocks, encodedTypes, type EncodedType } from '../../../src/main/engine/quant/blocks/encode'
import { fitToRow, type Preset, presetType } from '../../../src/main/engine/quant/blocks/presets'
import { type Fill, constant, normal, outliers, zeros } from '../../cases/fill'
import { readFloats } from '../golden'

const cols = 768
/** Weights of a real layer, off the grid that they had been quantized to. */
const weights = readFloats('quantization', 'layer-weight.f32')
  .slice(0, 96 * cols)
  .map((v, i) => v * (1 + ((i * 31) % 97) / 970))
const importance = Float32Array.from({ length: cols }, (_, i) => (((i * 37) % 101) / 100) ** 4 * 10 + 0.01)

/** Relative error, each input's square weighted. */
function loss(values: Float32Array, w: Float32Array, weight?: Float32Array): number {
  let lost = 0
  let all = 0
  for (let i = 0; i < w.length; i++) {
    const share = weight ? weight[i % weight.length] : 1
    lost += share * (values[i] - w[i]) ** 2
    all += share * w[i] ** 2
  }
  return Math.sqrt(lost / all)
}
/** The same of llama.cpp's encoders: without importance and with it (ggml_quantize_chunk of node-llama-cpp 3.21.1). */
const llama: Record<EncodedType, [number, number]> = {
  q4_0: [0.087176, 0.072627],
  q4_1: [0.048551, 0.023854],
  q5_0: [0.044131, 0.037954],
  q5_1: [0.039627, 0.022068],
  q8_0: [0.0055052, 0.0055192],
  q2_k: [0.30404, 0.2174],
  q3_k: [0.15343, 0.1284],
  q4_k: [0.032875, 0.028917],
  q5_k: [0.031043, 0.026472],
  q6_k: [0.01811, 0.01558],
}

describe.each(encodedTypes)('%s', (type) => {
  it('loses no more than llama.cpp, with and without importance', () => {
    const decoded = (weight?: Float32Array) =>
      dequantize(type, encodeBlocks(type, weights, cols, weight), weights.length)
    const plain = decoded()
    const weighted = decoded(importance)
    expect(loss(plain, weights)).toBeLessThanOrEqual(llama[type][0] * 1.0001)
    expect(loss(weighted, weights, importance)).toBeLessThanOrEqual(llama[type][1] * 1.0001)
    // Importance is what makes the difference, not chance.
    if (type !== 'q8_0') expect(loss(weighted, weights, importance)).toBeLessThan(loss(plain, weights, importance))
  })

  it.each<[string, Fill]>([
    ['normal weights', normal(0.05)],
    ['outliers', outliers],
    ['zeros', zeros],
    ['a constant', constant(0.37)],
    ['a negative constant', constant(-2)],
    ['weights of one sign', (n, seed) => normal(0.1)(n, seed).map(Math.abs)],
    ['numbers near the end of f16', normal(9000)],
    ['numbers below f16', normal(1e-9)],
  ])('gives every weight of %s the nearest of its block’s values', (_, fill) => {
    const w = fill(2 * cols, 5)
    const bytes = encodeBlocks(type, w, cols)
    expect(bytes.length).toBe(((2 * cols) / blockTypes[type].blockSize) * blockTypes[type].blockBytes)
    const { q, scale, min, groupSize, bits } = decomposeBlocks(type, bytes, w.length)
    const most = { q2_k: 3, q3_k: 7 }[type as string] ?? 2 ** bits - 1
    const [low, high] = min ? [0, most] : type === 'q6_k' ? [-32, 31] : [-127, 127]
    for (let i = 0; i < w.length; i++) {
      const g = Math.floor(i / groupSize)
      const value = (code: number) => scale[g] * code + (min?.[g] ?? 0)
      const off = Math.abs(value(q[i]) - w[i])
      expect(Number.isFinite(off)).toBe(true)
      for (const code of [q[i] - 1, q[i] + 1])
        if (code >= low && code <= high && Math.abs(value(code) - w[i]) < off * (1 - 1e-6) - 1e-12)
          expect.fail(`weight ${i} is ${w[i]}: code ${q[i]} gives ${value(q[i])}, code ${code} ${value(code)}`)
    }
  })

  it('is the same by rows', () => {
    const w = weights.subarray(0, 3 * cols)
    const parts = [w.subarray(0, cols), w.subarray(cols)].map((part) => [...encodeBlocks(type, part, cols, importance)])
    expect(parts.flat()).toEqual([...encodeBlocks(type, w, cols, importance)])
  })

  it('takes inputs that never occurred for a trifle, not for nothing', () => {
    const never = importance.map((v, i) => (i % cols < 256 ? 0 : v))
    const values = dequantize(type, encodeBlocks(type, weights, cols, never), weights.length)
    const first = (v: Float32Array) => v.filter((_, i) => i % cols < 256)
    expect(loss(first(values), first(weights))).toBeLessThan(0.4)
    expect(encodeBlocks(type, weights, cols, new Float32Array(cols))).toEqual(encodeBlocks(type, weights, cols))
  })
})

describe('what cannot be encoded', () => {
  it('is a row of half a block', () => {
    expect(() => encodeBlocks('q4_k', new Float32Array(576), 576)).toThrow(/576 inputs.*q4_k blocks of 256/)
  })

  it('is a weight that is no number', () => {
    expect(() => encodeBlocks('q4_0', new Float32Array(64).fill(Infinity, 40, 41), 32)).toThrow(/row 1, input 8/)
  })
})

describe('llama.cpp’s mixes', () => {
  const types = (preset: Preset, name: string, cols: number, layers: number, tied = true) =>
    Array.from({ length: layers }, (_, l) => presetType(preset, { name: `blk.${l}.${name}.weight`, cols }, { layers, tied }).type) // prettier-ignore

  it('spend more bits on the first and last eighth and every third between', () => {
    const down = types('Q4_K_M', 'ffn_down', 8192, 16)
    expect(down.map((t) => t === 'q6_k')).toEqual([1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 1, 1].map(Boolean))
    expect(types('Q4_K_M', 'attn_v', 2048, 16)).toEqual(down)
    expect(new Set(types('Q4_K_M', 'attn_q', 2048, 16))).toEqual(new Set(['q4_k']))
    expect(new Set(types('Q5_K_M', 'ffn_up', 2048, 16))).toEqual(new Set(['q5_k']))
    expect(types('Q5_K_M', 'ffn_down', 2048, 16)[0]).toBe('q6_k')
  })

  it('of Q3_K_M keep values, outputs and down projections in four bits and the first of them in five', () => {
    expect(types('Q3_K_M', 'attn_v', 2048, 32)).toEqual(['q5_k', 'q5_k', ...Array<string>(30).fill('q4_k')])
    expect(types('Q3_K_M', 'ffn_down', 2048, 32)).toEqual(['q5_k', 'q5_k', ...Array<string>(30).fill('q4_k')])
    expect(new Set(types('Q3_K_M', 'attn_output', 2048, 32))).toEqual(new Set(['q4_k']))
    expect(new Set(types('Q3_K_M', 'ffn_gate', 2048, 32))).toEqual(new Set(['q3_k']))
  })

  it('give the head six bits, and the embedding where it is the head', () => {
    const choice = (name: string, tied: boolean) =>
      presetType('Q4_K_M', { name, cols: 2048 }, { layers: 16, tied }).type
    expect(choice('output.weight', false)).toBe('q6_k')
    expect(choice('token_embd.weight', true)).toBe('q6_k')
    expect(choice('token_embd.weight', false)).toBe('q4_k')
  })

  it('fall back where rows do not divide by 256, and say what was wanted', () => {
    expect(fitToRow('q4_k', 576)).toEqual({ type: 'q5_0', wanted: 'q4_k' })
    expect(fitToRow('q5_k', 576).type).toBe('q5_1')
    expect(fitToRow('q6_k', 576).type).toBe('q8_0')
    expect(fitToRow('q2_k', 576).type).toBe('q4_0')
    expect(fitToRow('q3_k', 576).type).toBe('q4_0')
    expect(fitToRow('q4_0', 576).type).toBe('q4_0')
    expect(fitToRow('q4_k', 100)).toEqual({ type: 'f16', wanted: 'q4_k' })
    expect(fitToRow('q4_k', 1536).type).toBe('q4_k')
  })
})
