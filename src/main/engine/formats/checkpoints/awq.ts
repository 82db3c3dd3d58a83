/**
 * AWQ checkpoints (arXiv 2306.00978) as AutoAWQ's "gemm" version keeps them. Of a linear layer X with `cols` inputs and `rows` outputs:
 *
 *   X.qweight  i32 [cols, rows / 8]    eight outputs in a word; from the lowest nibble on, outputs 0, 2, 4, 6, 1, 3, 5, 7
 *   X.qzeros   i32 [groups, rows / 8]  zeros in the same order
 *   X.scales   f16 [groups, rows]
 */
import { bytesOf } from '../number-bytes'
import type { CodeLayout } from '../quantized-matrix'
import type { TensorInfo, WeightFile } from '../weight-file'
import { groupScaleBytes, readGroupScales } from './floats'
import {
  brokenMatrix,
  cannotHold,
  type CodeArrays,
  demandWholeZeros,
  type MatrixWriter,
  partOf,
  readPart,
  stemOf,
  type StoredMatrix,
  storedMatrix,
  unreadMatrix,
} from './layout'
import { wordsOf } from './packed-words'
import type { CheckpointConfig } from './quantization-config'

/** The output, within its eight, of each nibble. */
const outputOfNibble = [0, 2, 4, 6, 1, 3, 5, 7] as const
const bits = 4

/** The matrix whose codes are in `stem`.qweight. @throws MoruError invalid_file, unsupported */
export function findAwq(file: WeightFile, stem: string, config: CheckpointConfig): StoredMatrix {
  const weight = `${stem}.weight`
  if (config.bits !== null && config.bits !== bits) throw unreadMatrix(weight, `AWQ codes of ${config.bits} bits`)
  const codes = file.tensors.get(`${stem}.qweight`)!
  const [cols, words = 0] = codes.shape
  const rows = words * 8
  const groups = file.tensors.get(`${stem}.scales`)?.shape[0] ?? 0
  if (groups < 1 || cols % groups !== 0) throw brokenMatrix(weight, `${groups} groups of scales for ${cols} inputs`)
  const parts = [
    partOf(file, weight, codes.name, ['i32'], [cols, words]),
    partOf(file, weight, `${stem}.qzeros`, ['i32'], [groups, words]),
    partOf(file, weight, `${stem}.scales`, ['f16', 'bf16', 'f32'], [groups, rows]),
  ]
  const layout: CodeLayout = { bits, group: cols / groups, affine: true, offset: 0, codebook: null, ordered: false }
  return storedMatrix(weight, {
    rows,
    cols,
    layout,
    type: parts[2].type,
    tensors: parts,
    read: () => readAwq(file, parts, rows, cols),
  })
}

async function readAwq(
  file: WeightFile,
  [codePart, zeroPart, scalePart]: TensorInfo[],
  rows: number,
  cols: number,
): Promise<CodeArrays> {
  const groups = scalePart.shape[0]
  const codes = new Uint8Array(rows * cols)
  unpackNibbles(wordsOf(await readPart(file, codePart)), cols, rows, (c, r, code) => (codes[r * cols + c] = code))
  const zeros = new Float32Array(rows * groups)
  unpackNibbles(wordsOf(await readPart(file, zeroPart)), groups, rows, (g, r, zero) => (zeros[r * groups + g] = zero))
  return { codes, scales: await readGroupScales(file, scalePart), zeros, groupOf: null }
}

/** Calls `take` with every line (input or group), output and value of [lines, outputs / 8] words. */
function unpackNibbles(
  words: Int32Array,
  lines: number,
  outputs: number,
  take: (line: number, output: number, value: number) => void,
): void {
  for (let line = 0; line < lines; line++)
    for (let word = 0; word < outputs / 8; word++) {
      const packed = words[(line * outputs) / 8 + word]
      for (let nibble = 0; nibble < 8; nibble++)
        take(line, word * 8 + outputOfNibble[nibble], (packed >>> (4 * nibble)) & 15)
    }
}

function packNibbles(lines: number, outputs: number, valueAt: (line: number, output: number) => number): Int32Array {
  const words = new Int32Array((lines * outputs) / 8)
  for (let line = 0; line < lines; line++)
    for (let word = 0; word < outputs / 8; word++)
      for (let nibble = 0; nibble < 8; nibble++) {
        const value = valueAt(line, word * 8 + outputOfNibble[nibble])
        words[(line * outputs) / 8 + word] |= value << (4 * nibble)
      }
  return words
}

export const awqWriter: MatrixWriter = {
  describe(weight, rows, cols, layout) {
    demandHoldable(weight, rows, cols, layout)
    const stem = stemOf(weight)
    const groups = cols / layout.group
    return [
      { name: `${stem}.qweight`, shape: [cols, rows / 8], type: 'i32' },
      { name: `${stem}.qzeros`, shape: [groups, rows / 8], type: 'i32' },
      { name: `${stem}.scales`, shape: [groups, rows], type: 'f16' },
    ]
  },
  encode(weight, { rows, cols, group, codes, scales, zeros, offset }) {
    const stem = stemOf(weight)
    const groups = cols / group
    demandWholeZeros(weight, 'AWQ', zeros, 15)
    const zeroAt = (g: number, r: number): number => (zeros ? zeros[r * groups + g] : offset)
    return [
      { name: `${stem}.qweight`, bytes: bytesOf(packNibbles(cols, rows, (c, r) => codes[r * cols + c])) },
      { name: `${stem}.qzeros`, bytes: bytesOf(packNibbles(groups, rows, zeroAt)) },
      { name: `${stem}.scales`, bytes: groupScaleBytes(scales, rows) },
    ]
  },
}

function demandHoldable(weight: string, rows: number, cols: number, layout: CodeLayout): void {
  const fault = (problem: string) => cannotHold(weight, 'AWQ', problem)
  if (layout.bits !== bits || layout.codebook)
    throw fault(`codes of ${layout.bits} bits${layout.codebook ? ` (${layout.codebook})` : ''}`)
  if (layout.ordered) throw fault('inputs in another order than their groups')
  if (cols % layout.group !== 0) throw fault(`groups of ${layout.group} do not divide ${cols} inputs`)
  if (rows % 8 !== 0) throw fault(`${rows} outputs are no multiple of 8`)
}
