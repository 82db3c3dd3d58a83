/** GPTQ on a real layer with real inputs (tests/golden/quantization/layer.json), and its parts against their definitions. */
import { describe, expect, it } from 'vitest'
import { dequantizeMatrix } from '../../../src/main/engine/formats/quantized-matrix'
import { inverseFactor } from '../../../src/main/engine/quantize/cholesky'
import { gptq, gptqFactor, type GptqOptions } from '../../../src/main/engine/quantize/gptq'
import { Pace } from '../../../src/main/engine/quantize/pace'
import { gram, gramOf, outputError, references, size, weights } from './real-layer'

const plain: GptqOptions = {
  bits: 4,
  group: 64,
  symmetric: false,
  scaleType: 'f32',
  search: false,
  damping: 0.01,
  actOrder: false,
  blockColumns: 128,
}

describe('on a real layer', () => {
  it.each(references)(
    'errs at $bits bits in groups of $group no more than the reference',
    async ({ bits, group, ...wanted }) => {
      const factor = await gptqFactor(gram, size, plain, new Pace())
      const matrix = await gptq(weights, size, factor, { ...plain, bits, group }, new Pace())
      expect(outputError(dequantizeMatrix(matrix))).toBeLessThan(1.03 * wanted.gptq)
    },
  )

  it('errs less with act-order and searched grids', async () => {
    const better = { ...plain, actOrder: true, search: true }
    const natural = await gptq(weights, size, await gptqFactor(gram, size, plain, new Pace()), plain, new Pace())
    const found = await gptq(weights, size, await gptqFactor(gram, size, better, new Pace()), better, new Pace())
    expect(outputError(dequantizeMatrix(found))).toBeLessThan(outputError(dequantizeMatrix(natural)))
  })

  it('stops within a moment', async () => {
    const factor = await gptqFactor(gram, size, plain, new Pace())
    const stop = new AbortController()
    // Twenty times the rows: no machine is through with them before it is told to stop.
    const many = new Float32Array(20 * weights.length)
    for (let i = 0; i < 20; i++) many.set(weights, i * weights.length)
    const start = performance.now()
    setTimeout(() => stop.abort(), 50)
    await expect(gptq(many, size, factor, plain, new Pace(stop.signal))).rejects.toMatchObject({ code: 'cancelled' })
    expect(performance.now() - start).toBeLessThan(1000)
  })
})

describe('the factor', () => {
  it.each([1, 2, 5, 33, 70, 131])('U^T U is the inverse, of %i inputs', async (n) => {
    const x = Float32Array.from({ length: 3 * n * n }, (_, i) => Math.sin(i * i * 0.37 + i))
    const h = gramOf(x, n)
    for (let i = 0; i < n; i++) h[i * n + i] += 0.5
    const u = await inverseFactor(h.slice(), n, new Pace())
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        // (U^T U H)[i, j]
        let sum = 0
        for (let k = 0; k < n; k++) {
          let uh = 0
          for (let m = k; m < n; m++) uh += u[k * n + m] * h[m * n + j]
          if (k <= i) sum += u[k * n + i] * uh
        }
        expect(Math.abs(sum - (i === j ? 1 : 0))).toBeLessThan(1e-8)
        if (i > j) expect(u[i * n + j]).toBe(0)
      }
  })

  it('says so when the Hessian is not positive definite', async () => {
    const h = Float64Array.of(1, 2, 2, 1)
    await expect(inverseFactor(h, 2, new Pace())).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(inverseFactor(Float64Array.of(NaN), 1, new Pace())).rejects.toThrow(/not positive definite/)
  })

  it('lets inputs that are always zero not matter', async () => {
    const x = Float32Array.from({ length: 64 * 32 }, (_, i) => (i % 32 === 7 ? 0 : Math.cos(i * 1.7)))
    const factor = await gptqFactor(gramOf(x, 32), 32, plain, new Pace())
    const w = Float32Array.from({ length: 2 * 32 }, (_, i) => Math.sin(i))
    const matrix = await gptq(w, 32, factor, { ...plain, group: 32 }, new Pace())
    expect(dequantizeMatrix(matrix)[7]).toBe(0)
  })

  it('refuses weights that are no numbers', async () => {
    const factor = await gptqFactor(gram, size, plain, new Pace())
    const broken = weights.slice()
    broken[3 * size + 5] = NaN
    await expect(gptq(broken, size, factor, plain, new Pace())).rejects.toThrow(/row 3, input 5/)
  })
})
