/**
 * LLM.int8() checkpoints, as bitsandbytes keeps them (arXiv 2208.07339). Of a linear layer X with `cols` inputs and `rows` outputs:
 *
 *   X.weight         i8  [rows, cols]
 *   X.SCB            f32 [rows]        127 times the scale
 *   X.weight_format  u8  []            0: row by row
 */
import { MoruError } from '../../../../shared/errors'
import { bytesOf } from '../number-bytes'
import type { CodeLayout } from '../quantized-matrix'
import type { TensorInfo, WeightFile } from '../weight-file'
import { decodeFloats } from './floats'
import {
  type CodeArrays,
  type MatrixWriter,
  partOf,
  readPart,
  stemOf,
  type StoredMatrix,
  storedMatrix,
  unreadMatrix,
} from './layout'
import { readInputThreshold } from './quantization-config'

/** The LLM.int8() matrix whose row scales are in `stem`.SCB. @throws MoruError invalid_file, unsupported */
export async function findLlmInt8(file: WeightFile, stem: string): Promise<StoredMatrix> {
  const weight = `${stem}.weight`
  const [rows] = file.tensors.get(`${stem}.SCB`)!.shape
  const cols = file.tensors.get(weight)?.shape[1] ?? 0
  const parts = [
    partOf(file, weight, weight, ['i8'], [rows, cols]),
    partOf(file, weight, `${stem}.SCB`, ['f32', 'f16'], [rows]),
  ]
  const format = file.tensors.get(`${stem}.weight_format`)
  if (format) {
    // 0: row by row. Others are tilings of one graphics card's generation each.
    const bytes = await readPart(file, partOf(file, weight, format.name, ['u8'], []))
    if (bytes[0] !== 0) throw unreadMatrix(weight, `weight_format ${bytes[0]}, which is not row by row`)
    parts.push(format)
  }
  const inputThreshold = await readInputThreshold(file.paths[0])
  const layout: CodeLayout = {
    bits: 8,
    group: cols,
    affine: false,
    offset: 128,
    codebook: null,
    ordered: false,
    inputThreshold,
  }
  return storedMatrix(weight, {
    rows,
    cols,
    layout,
    type: 'f32',
    tensors: parts,
    read: () => readInt8(file, parts),
  })
}

async function readInt8(file: WeightFile, [values, largest]: TensorInfo[]): Promise<CodeArrays> {
  const codes = (await readPart(file, values)).map((byte) => byte ^ 0x80)
  const scales = (await decodeFloats(file, largest)).map((value) => value / 127)
  return { codes, scales, zeros: null, groupOf: null }
}

/** Writes LLM.int8() matrices: one scale a row, codes around 128. */
export const llmInt8Writer: MatrixWriter = {
  describe(weight, rows, cols, { bits, group, affine, offset, codebook }) {
    if (bits !== 8 || group !== cols || affine || offset !== 128 || codebook) {
      throw new MoruError(
        'unsupported',
        `${weight}: the LLM.int8() layout holds symmetric int8 with one scale a row only.`,
      )
    }
    return [
      { name: weight, shape: [rows, cols], type: 'i8' },
      { name: `${stemOf(weight)}.SCB`, shape: [rows], type: 'f32' },
      { name: `${stemOf(weight)}.weight_format`, shape: [], type: 'u8' },
    ]
  },
  encode(weight, { codes, scales }) {
    return [
      { name: weight, bytes: codes.map((code) => code ^ 0x80) },
      { name: `${stemOf(weight)}.SCB`, bytes: bytesOf(scales.map((scale) => scale * 127)) },
      { name: `${stemOf(weight)}.weight_format`, bytes: new Uint8Array(1) },
    ]
  },
}
