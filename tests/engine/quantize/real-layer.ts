/** A real layer with real inputs, and what references lose of its outputs (tests/golden/quantization/layer.json). */
import { readFloats, readGolden, readHalves } from '../golden'

interface Reference {
  bits: number
  group: number
  rtn: number
  gptq: number
  awq: number
}

/** Inputs and outputs of the layer. */
export const size = 576
export const weights = readFloats('quantization', 'layer-weight.f32')
const inputs = readHalves('quantization', 'layer-inputs.f16')
/** Inputs that methods may see, [1024, size]. */
export const calibration = inputs.subarray(0, 1024 * size)
export const { rows: references } = readGolden<{ rows: Reference[] }>('quantization', 'layer.json')

/** X^T X of x [rows, cols]. */
export function gramOf(x: Float32Array, cols: number): Float64Array {
  const out = new Float64Array(cols * cols)
  for (let t = 0; t < x.length; t += cols)
    for (let i = 0; i < cols; i++) for (let j = 0; j < cols; j++) out[i * cols + j] += x[t + i] * x[t + j]
  return out
}

export const gram = gramOf(calibration, size)
const heldOut = gramOf(inputs.subarray(1024 * size), size)
const whole = energy(weights)

/** ||X (W - Q)^T|| / ||X W^T|| on inputs that no method has seen. */
export const outputError = (q: Float32Array): number => Math.sqrt(energy(weights.map((w, i) => w - q[i])) / whole)

/** The squares of X D^T are D X^T X D^T: X^T X once instead of a product a recipe. */
function energy(d: Float32Array): number {
  let sum = 0
  for (let r = 0; r < d.length; r += size)
    for (let i = 0; i < size; i++) {
      let inner = 0
      for (let j = 0; j < i; j++) inner += heldOut[i * size + j] * d[r + j]
      sum += d[r + i] * (2 * inner + heldOut[i * size + i] * d[r + i])
    }
  return sum
}
