/**
 * Matrix products of every packed weight format against Q4_1's: of one token, as in decoding, and of many, as in prefill.
 *
 *   node bench/run.mjs weight-formats [--rounds 5] [--rows 2048] [--cols 2048] [--tokens 512] [--only nf4,q3]
 *
 * Formats take turns within a round, and each figure is the best of the rounds: the machine's load drifts, so only ratios count.
 */
import { parseArgs } from 'node:util'
import { type KernelProbe, matrixProbe } from '../src/main/engine/bench'
import { Engine } from '../src/main/engine'
import { type TensorType } from '../src/main/engine/formats/weight-file'
import { layoutOf, layoutOfCodes, packedBytes, type PackedLayout } from '../src/main/engine/quant/packed-layout'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    rows: { type: 'string', default: '2048' },
    cols: { type: 'string', default: '2048' },
    tokens: { type: 'string', default: '512' },
    only: { type: 'string' },
  },
})
const [rows, cols] = [Number(options.rows), Number(options.cols)]

const affine = (bits: number, group: number, type: TensorType = 'f16') =>
  layoutOfCodes({ bits, group, affine: true, offset: 0, codebook: null, ordered: false }, type, cols)
const codebook = (name: 'nf4' | 'fp4') =>
  layoutOfCodes({ bits: 4, group: 64, affine: false, offset: 0, codebook: name, ordered: false }, 'f32', cols)

const layouts: Record<string, PackedLayout> = {
  q4_1: layoutOf('q4_1'),
  q4_0: layoutOf('q4_0'),
  q4_k: layoutOf('q4_k'),
  '4 bits, group 64': affine(4, 64),
  '4 bits, group 128': affine(4, 128),
  '4 bits, row': affine(4, cols),
  '4 bits, group 64, wide': affine(4, 64, 'f32'),
  nf4: codebook('nf4'),
  fp4: codebook('fp4'),
  '2 bits, group 64': affine(2, 64),
  '3 bits, group 64': affine(3, 64),
  q5_1: layoutOf('q5_1'),
  '6 bits, group 64': affine(6, 64),
  q6_k: layoutOf('q6_k'),
  q8_0: layoutOf('q8_0'),
  f16: layoutOf('f16'),
}
const wanted = options.only?.split(',')
const names = Object.keys(layouts).filter((n) => n === 'q4_1' || !wanted || wanted.some((w) => n.includes(w)))

const gpu = await new Engine().open()
const cell = (v: number | string, width: number) => String(v).padStart(width)
for (const [kind, shape] of Object.entries({
  'one token': { tokens: 1, rows: rows * 8, cols },
  [`${options.tokens} tokens`]: { tokens: Number(options.tokens), rows, cols },
})) {
  const probes = new Map<string, KernelProbe>()
  for (const name of names) probes.set(name, await matrixProbe(gpu, layouts[name].format, shape, layouts[name]))
  const best = new Map<string, number>()
  for (let round = 0; round <= Number(options.rounds); round++)
    for (const [name, probe] of probes) {
      const ms = await probe.measure()
      // The first round compiles.
      if (round > 0) best.set(name, Math.min(ms, best.get(name) ?? Infinity))
    }
  console.log(`\n${kind}, ${shape.rows} x ${shape.cols}`)
  console.log(`${'layout'.padEnd(24)}${cell('bits', 6)}${cell('GFLOP/s', 9)}${cell('of Q4_1', 9)}`)
  for (const [name, probe] of probes) {
    const ms = best.get(name)!
    const bytes = packedBytes(layouts[name], shape.rows, cols, gpu.profile.lanes)
    const bits = ((bytes.weights + bytes.scales + bytes.highBits) * 8) / (shape.rows * cols)
    console.log(
      `${name.padEnd(24)}${cell(bits.toFixed(2), 6)}${cell((probe.flops / ms / 1e6).toFixed(1), 9)}${cell((best.get('q4_1')! / ms).toFixed(2), 9)}`,
    )
    probe.release()
  }
}
gpu.destroy()
