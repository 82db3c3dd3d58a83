/** AWQ on a real layer with real inputs. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Gpu } from '../../../src/main/engine/device/gpu'
import { dequantizeMatrix } from '../../../src/main/engine/formats/quantized-matrix'
import { Recorder } from '../../../src/main/engine/kernels/recorder'
import { quantizeMatrix } from '../../../src/main/engine/quant/methods'
import { searchScales } from '../../../src/main/engine/quantize/awq'
import { OutputEnergy } from '../../../src/main/engine/quantize/gram'
import { Pace } from '../../../src/main/engine/quantize/pace'
import { calibration, gram, outputError, references, size, weights } from './real-layer'

let gpu: Gpu
let energy: OutputEnergy
beforeAll(async () => {
  gpu = await Gpu.open()
  energy = await OutputEnergy.open(gpu, new Recorder(gpu), Float32Array.from(gram), size, size)
})
afterAll(async () => {
  energy.release()
  await gpu.idle()
  gpu.destroy()
})

const meanAbs = Float32Array.from({ length: size }, (_, c) => {
  let sum = 0
  for (let at = c; at < calibration.length; at += size) sum += Math.abs(calibration[at])
  return (sum * size) / calibration.length
})

it.each(references)('errs at $bits bits in groups of $group no more than the reference', async (reference) => {
  const { bits, group } = reference
  const layer = { weights: [weights], cols: size, meanAbs, energy, shared: null }
  const asked = { bits, group, symmetric: false, scaleType: 'f16' as const, steps: 20 }
  const scales = await searchScales(layer, asked, new Pace())
  const scaled = weights.map((w, i) => w * scales[i % size])
  const rounded = dequantizeMatrix(quantizeMatrix(scaled, size, { method: 'rtn', ...asked }))
  const error = outputError(rounded.map((q, i) => q / scales[i % size]))
  expect(error).toBeLessThan(1.03 * reference.awq)
  expect(error).toBeLessThan(reference.rtn)
})
