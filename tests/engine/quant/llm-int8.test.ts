/** LLM.int8() as the twin of the kernels computes it, against bitsandbytes' formulas in f64 (tests/golden/quantization). */
import { describe, expect, it } from 'vitest'
import { absmaxInt8 } from '../../../src/main/engine/quant/int8'
import { dequantizeMatrix } from '../../../src/main/engine/formats/quantized-matrix'
import { int8Inputs } from '../../reference/int8-inputs'
import { matmulInt8 } from '../../reference/matmul-int8'
import { largestDifference, readGolden } from '../golden'

interface Reference {
  shape_x: [number, number]
  shape_w: [number, number]
  x: number[]
  outlier_columns: number[]
  threshold: number
  exact: number[]
  decomposed: number[]
  absmax_only: number[]
}
const reference = readGolden<Reference>('quantization', 'int8.json')
const weight = Float32Array.from(readGolden<{ weight: number[] }>('quantization', 'nf4.json').weight)
const [tokens, cols] = reference.shape_x
const shape = { tokens, rows: reference.shape_w[0], cols }
const quantized = dequantizeMatrix(absmaxInt8(weight, cols, { per: 'row', scaleType: 'f32' }))

/** Of the largest value: scales are f32 here and f64 in the reference. */
const largestError = (values: number[], expected: number[]) =>
  largestDifference(values, expected) / Math.max(...expected.map(Math.abs))
const relativeError = (values: number[]) => {
  const norm = (v: number[]) => Math.hypot(...v)
  return norm(values.map((v, i) => v - reference.exact[i])) / norm(reference.exact)
}

describe('LLM.int8()', () => {
  it('finds the outlier columns', () => {
    const { outliers } = int8Inputs(reference.x, cols, reference.threshold)
    const columns = Array.from({ length: cols }, (_, k) => k).filter((k) => outliers[k])
    expect(columns).toEqual(reference.outlier_columns)
  })

  it('multiplies bytes, and outlier columns by weights in full', () => {
    const inputs = int8Inputs(reference.x, cols, reference.threshold)
    const y = matmulInt8(reference.x, inputs, quantized, shape, { outlierWeights: weight })
    expect(largestError(y, reference.decomposed)).toBeLessThan(1e-6)
  })

  it('without a threshold is absmax alone', () => {
    const y = matmulInt8(reference.x, int8Inputs(reference.x, cols, Infinity), quantized, shape)
    expect(largestError(y, reference.absmax_only)).toBeLessThan(1e-6)
  })

  it('with the bytes of outlier columns too, as files hold them, errs hardly more', () => {
    const inputs = int8Inputs(reference.x, cols, reference.threshold)
    const exact = relativeError(reference.decomposed)
    expect(relativeError(matmulInt8(reference.x, inputs, quantized, shape))).toBeLessThan(1.3 * exact)
  })
})
