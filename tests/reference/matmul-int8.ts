import { flops } from './flops'
import { type Int8Inputs } from './int8-inputs'
import { type MatmulShape } from './matmul'

/**
 * f64 twin of matmul_int8_vec and matmul_int8_tiled: codes by weights, scaled, and outliers by their own weights, which may be more exact.
 * LLM.int8(), Dettmers et al., arXiv 2208.07339.
 */
export function matmulInt8(
  x: ArrayLike<number>,
  inputs: Int8Inputs,
  w: ArrayLike<number>,
  { tokens, rows, cols }: MatmulShape,
  extra: { bias?: ArrayLike<number>; y0?: ArrayLike<number>; outlierWeights?: ArrayLike<number> } = {},
): number[] {
  const { bias, y0, outlierWeights = w } = extra
  const y: number[] = []
  for (let t = 0; t < tokens; t++)
    for (let n = 0; n < rows; n++) {
      let sum = 0
      for (let k = 0; k < cols; k++) {
        const at = t * cols + k
        if (inputs.outliers[at]) sum += x[at] * outlierWeights[n * cols + k]
        else sum += inputs.codes[at] * inputs.scales[t] * w[n * cols + k]
        flops(2)
      }
      if (bias) {
        sum += bias[n]
        flops(1)
      }
      if (y0) {
        sum += y0[t * rows + n]
        flops(1)
      }
      y.push(sum)
    }
  return y
}
