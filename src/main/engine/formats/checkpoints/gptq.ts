/**
 * GPTQ checkpoints (arXiv 2210.17323) as AutoGPTQ and GPTQModel keep them. Of a linear layer X with `cols` inputs and `rows` outputs:
 *
 *   X.qweight  i32 [cols * bits / 32, rows]    codes packed along the inputs
 *   X.qzeros   i32 [groups, rows * bits / 32]  zeros packed along the outputs; less one in version 1 ("gptq"), as they are in "gptq_v2"
 *   X.scales   f16 [groups, rows]
 *   X.g_idx    i32 [cols]                      group of each input; may be missing where groups follow each other
 */
import { bytesOf } from '../number-bytes'
import type { CodeLayout, QuantizedMatrix } from '../quantized-matrix'
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
import { packAlongColumns, packAlongRows, unpackAlongColumns, unpackAlongRows, wordsOf } from './packed-words'
import type { CheckpointConfig } from './quantization-config'

const floats: readonly TensorInfo['type'][] = ['f16', 'bf16', 'f32']

interface Parts {
  codes: TensorInfo
  zeros: TensorInfo
  scales: TensorInfo
  order: TensorInfo | null
}

/** The matrix whose codes are in `stem`.qweight. @throws MoruError invalid_file, unsupported */
export async function findGptq(file: WeightFile, stem: string, config: CheckpointConfig): Promise<StoredMatrix> {
  const weight = `${stem}.weight`
  const codes = file.tensors.get(`${stem}.qweight`)!
  const rows = codes.shape[1] ?? 0
  const bits = bitsOf(file, stem, codes, config)
  const cols = (codes.shape[0] * 32) / bits
  const found = file.tensors.get(`${stem}.scales`)?.shape[0] ?? 0
  const group = found > 0 ? cols / found : 0
  if (!Number.isInteger(cols) || !Number.isInteger(group) || group < 1) {
    throw unreadMatrix(weight, `${found} groups of scales for ${cols} inputs: groups must divide the inputs`)
  }
  const packedRows = (rows * bits) / 32
  if (!Number.isInteger(packedRows))
    throw brokenMatrix(weight, `${rows} outputs do not fill words of ${bits}-bit zeros`)
  const parts: Parts = {
    codes: partOf(file, weight, codes.name, ['i32'], [(cols * bits) / 32, rows]),
    zeros: partOf(file, weight, `${stem}.qzeros`, ['i32'], [found, packedRows]),
    scales: partOf(file, weight, `${stem}.scales`, floats, [found, rows]),
    order: file.tensors.has(`${stem}.g_idx`) ? partOf(file, weight, `${stem}.g_idx`, ['i32'], [cols]) : null,
  }
  const groupOf = parts.order && (await readOrder(file, weight, parts.order, group))
  const affine = !config.symmetric
  const layout: CodeLayout = {
    bits,
    group,
    affine,
    offset: affine ? 0 : 2 ** (bits - 1),
    codebook: null,
    ordered: groupOf !== null,
  }
  return storedMatrix(weight, {
    rows,
    cols,
    layout,
    type: parts.scales.type,
    tensors: [parts.codes, parts.zeros, parts.scales, ...(parts.order ? [parts.order] : [])],
    read: () => readGptq(file, weight, parts, { rows, cols, layout, groupOf, plusOne: config.zerosLessOne }),
  })
}

/** From the number of inputs where g_idx tells it, since a checkpoint may mix bits; else from the configuration. */
function bitsOf(file: WeightFile, stem: string, codes: TensorInfo, config: CheckpointConfig): number {
  const inputs = file.tensors.get(`${stem}.g_idx`)?.shape[0]
  const bits = inputs === undefined ? config.bits : (codes.shape[0] * 32) / inputs
  if (bits !== null && Number.isInteger(bits) && bits >= 2 && bits <= 8) return bits
  throw unreadMatrix(`${stem}.weight`, `codes of ${String(bits)} bits`)
}

/** null where groups follow each other. */
async function readOrder(
  file: WeightFile,
  weight: string,
  order: TensorInfo,
  group: number,
): Promise<Int32Array | null> {
  const groupOf = wordsOf(await readPart(file, order))
  if (groupOf.every((g, c) => g === Math.floor(c / group))) return null
  const inputs = new Int32Array(groupOf.length / group)
  for (const g of groupOf) if (g >= 0 && g < inputs.length) inputs[g]++
  if (inputs.every((count) => count === group)) return groupOf
  throw brokenMatrix(weight, `${order.name} does not give each of ${inputs.length} groups ${group} inputs`)
}

interface Reading {
  rows: number
  cols: number
  layout: CodeLayout
  groupOf: Int32Array | null
  plusOne: boolean
}

async function readGptq(file: WeightFile, weight: string, parts: Parts, reading: Reading): Promise<CodeArrays> {
  const { rows, cols, layout, groupOf, plusOne } = reading
  const { bits, group, affine, offset } = layout
  const groups = cols / group
  const codes = new Uint8Array(rows * cols)
  unpackAlongRows(wordsOf(await readPart(file, parts.codes)), cols, rows, bits, (c, r, code) => {
    codes[r * cols + c] = code
  })
  const zeros = new Float32Array(rows * groups)
  const most = 2 ** bits - 1
  unpackAlongColumns(wordsOf(await readPart(file, parts.zeros)), groups, rows, bits, (g, r, zero) => {
    // The reference adds one within the code's bits: all ones stand for zero.
    zeros[r * groups + g] = plusOne ? (zero + 1) & most : zero
  })
  if (!affine && zeros.some((zero) => zero !== offset)) {
    throw brokenMatrix(weight, `the configuration says sym: true, but a zero is not ${offset}`)
  }
  return { codes, scales: await readGroupScales(file, parts.scales), zeros: affine ? zeros : null, groupOf }
}

/** Writes version 1, which every reader knows. */
export const gptqWriter: MatrixWriter = {
  describe(weight, rows, cols, layout) {
    demandHoldable(weight, rows, cols, layout)
    const stem = stemOf(weight)
    const groups = cols / layout.group
    return [
      { name: `${stem}.qweight`, shape: [(cols * layout.bits) / 32, rows], type: 'i32' },
      { name: `${stem}.qzeros`, shape: [groups, (rows * layout.bits) / 32], type: 'i32' },
      { name: `${stem}.scales`, shape: [groups, rows], type: 'f16' },
      { name: `${stem}.g_idx`, shape: [cols], type: 'i32' },
    ]
  },
  encode(weight, given) {
    const stem = stemOf(weight)
    const { rows, cols, bits, group, codes, scales, zeros, offset, groupOf } = withoutLowestZero(weight, given)
    const groups = cols / group
    const order = groupOf ?? Int32Array.from({ length: cols }, (_, c) => Math.floor(c / group))
    const zeroAt = (g: number, r: number): number => (zeros ? zeros[r * groups + g] : offset) - 1
    return [
      { name: `${stem}.qweight`, bytes: bytesOf(packAlongRows(cols, rows, bits, (c, r) => codes[r * cols + c])) },
      { name: `${stem}.qzeros`, bytes: bytesOf(packAlongColumns(groups, rows, bits, zeroAt)) },
      { name: `${stem}.scales`, bytes: groupScaleBytes(scales, rows) },
      { name: `${stem}.g_idx`, bytes: bytesOf(order) },
    ]
  },
}

function demandHoldable(weight: string, rows: number, cols: number, { bits, codebook, group }: CodeLayout): void {
  const fault = (problem: string) => cannotHold(weight, 'GPTQ', problem)
  if (codebook) throw fault(`${codebook} codes`)
  if (cols % group !== 0) throw fault(`groups of ${group} do not divide ${cols} inputs`)
  if ((cols * bits) % 32 !== 0 || (rows * bits) % 32 !== 0) {
    throw fault(`${rows} x ${cols} codes of ${bits} bits do not fill whole words of 32`)
  }
}

/**
 * Version 1 keeps zeros less one, and readers do not agree about what -1 becomes: such a group is put on a grid that begins one
 * step lower. Its codes move by at most half a step of the wider grid. All zeros must be whole.
 */
function withoutLowestZero(weight: string, matrix: QuantizedMatrix): QuantizedMatrix {
  const { cols, bits, group, groupOf } = matrix
  const zeros = matrix.zeros
  const most = 2 ** bits - 1
  if (!zeros) return matrix
  demandWholeZeros(weight, 'GPTQ', zeros, most)
  if (!zeros.includes(0)) return matrix
  const groups = cols / group
  const scales = matrix.scales.slice()
  const codes = matrix.codes.slice()
  const moved = (i: number): number =>
    Math.floor(i / cols) * groups + (groupOf?.[i % cols] ?? Math.floor((i % cols) / group))
  codes.forEach((code, i) => {
    if (zeros[moved(i)] === 0) codes[i] = 1 + Math.round((code * (most - 1)) / most)
  })
  zeros.forEach((zero, g) => {
    if (zero === 0) scales[g] = (scales[g] * most) / (most - 1)
  })
  return { ...matrix, codes, scales, zeros: zeros.map((zero) => Math.max(zero, 1)) }
}
