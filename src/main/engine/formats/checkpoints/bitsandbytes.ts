/**
 * 4-bit checkpoints of bitsandbytes (arXiv 2305.14314). Of a linear layer X with `rows` outputs and `cols` inputs, its weights taken
 * as one run of rows * cols:
 *
 *   X.weight              u8 [rows * cols / 2, 1]  two codes a byte, the first in the high nibble
 *   X.weight.absmax       f32 [blocks], or u8 [blocks] where the scales are quantized too
 *   X.weight.quant_map    f32 [16]                 values of the codes
 *   X.weight.nested_absmax, X.weight.nested_quant_map   f32 [blocks / 256], f32 [256], of quantized scales
 *   X.weight.quant_state.bitsandbytes__nf4 (or __fp4)   u8: JSON with shape, blocksize and, of quantized scales, their offset
 */
import { codebooks, type Codebook } from '../codebooks'
import { expandScales, type DoubleScales } from '../double-scales'
import { bytesOf } from '../number-bytes'
import type { CodeLayout, QuantizedMatrix } from '../quantized-matrix'
import { JsonFault, parseStrictJson, type JsonObject } from '../strict-json'
import type { TensorInfo, WeightFile } from '../weight-file'
import type { TensorDescriptor } from '../weight-writer'
import { decodeFloats } from './floats'
import {
  brokenMatrix,
  cannotHold,
  type CodeArrays,
  type MatrixPart,
  type MatrixWriter,
  partOf,
  readPart,
  type StoredMatrix,
  storedMatrix,
  unreadMatrix,
} from './layout'

const stateMark = '.quant_state.bitsandbytes__'
/** Far above any real quant_state. */
const longestState = 65_536
/** The value of a code is trusted by its place; a table that differs more than rounding is another table. */
const mapTolerance = 1e-5

/** The weight and codebook that a tensor's name announces, or null. */
export function announcedWeight(name: string): { weight: string; codebook: Codebook } | null {
  const at = name.lastIndexOf(stateMark)
  if (at < 0) return null
  const kind = name.slice(at + stateMark.length)
  if (kind === 'nf4' || kind === 'fp4') return { weight: name.slice(0, at), codebook: kind }
  throw unreadMatrix(name.slice(0, at), `a quant_state of the kind ${JSON.stringify(kind.slice(0, 40))}`)
}

interface State {
  rows: number
  cols: number
  block: number
  /** Of quantized scales. */
  nested: { block: number; offset: number } | null
}

/** @throws MoruError invalid_file, unsupported */
export async function findBitsandbytes4(file: WeightFile, weight: string, codebook: Codebook): Promise<StoredMatrix> {
  const stateName = `${weight}${stateMark}${codebook}`
  const state = await readState(file, weight, stateName)
  const { rows, cols, block, nested } = state
  if (cols % block !== 0) throw unreadMatrix(weight, `blocks of ${block} that begin within a row of ${cols} inputs`)
  const blocks = (rows * cols) / block
  const names = (suffix: string): string => `${weight}.${suffix}`
  const map = partOf(file, weight, names('quant_map'), ['f32'], [16])
  const parts = [
    partOf(file, weight, weight, ['u8'], [(rows * cols) / 2, 1]),
    partOf(file, weight, names('absmax'), [nested ? 'u8' : 'f32'], [blocks]),
    ...(nested
      ? [
          partOf(file, weight, names('nested_absmax'), ['f32'], [Math.ceil(blocks / nested.block)]),
          partOf(file, weight, names('nested_quant_map'), ['f32'], [256]),
        ]
      : []),
  ]
  const found = await decodeFloats(file, map)
  if (found.some((value, i) => !(Math.abs(value - codebooks[codebook][i]) <= mapTolerance))) {
    throw unreadMatrix(weight, `a quant_map that is not ${codebook}'s`)
  }
  const layout: CodeLayout = { bits: 4, group: block, affine: false, offset: 0, codebook, ordered: false }
  return storedMatrix(weight, {
    rows,
    cols,
    layout,
    type: 'f32',
    tensors: [...parts, map, file.tensors.get(stateName)!],
    read: () => read4(file, parts, state),
  })
}

async function readState(file: WeightFile, weight: string, name: string): Promise<State> {
  const tensor = file.tensors.get(name)!
  if (tensor.type !== 'u8' || tensor.sizeBytes > longestState) throw brokenMatrix(weight, `${name} is no short text`)
  const fields = parseState(weight, name, await readPart(file, tensor))
  const whole = (key: string, value: unknown): number => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value
    throw brokenMatrix(weight, `${key} of its quant_state is no positive whole number`)
  }
  const shape = fields.get('shape')
  if (!Array.isArray(shape) || shape.length !== 2) throw brokenMatrix(weight, 'shape of its quant_state is no pair')
  const [rows, cols] = [whole('shape', shape[0]), whole('shape', shape[1])]
  const offset = fields.get('nested_offset')
  const nested = fields.has('nested_blocksize')
    ? { block: whole('nested_blocksize', fields.get('nested_blocksize')), offset: Number(offset) }
    : null
  if (nested && (typeof offset !== 'number' || !Number.isFinite(offset))) {
    throw brokenMatrix(weight, 'nested_offset of its quant_state is no number')
  }
  return { rows, cols, block: whole('blocksize', fields.get('blocksize')), nested }
}

function parseState(weight: string, name: string, bytes: Uint8Array): JsonObject {
  try {
    const value = parseStrictJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (value instanceof Map) return value
  } catch (thrown) {
    if (!(thrown instanceof JsonFault) && !(thrown instanceof TypeError)) throw thrown
  }
  throw brokenMatrix(weight, `${name} is not a JSON object`)
}

async function read4(
  file: WeightFile,
  [packed, absmax, nestedAbsmax, nestedMap]: TensorInfo[],
  { rows, cols, nested }: State,
): Promise<CodeArrays> {
  const codes = new Uint8Array(rows * cols)
  ;(await readPart(file, packed)).forEach((byte, i) => {
    codes[2 * i] = byte >>> 4
    codes[2 * i + 1] = byte & 15
  })
  const scales = nested
    ? expandScales({
        codes: await readPart(file, absmax),
        code: await decodeFloats(file, nestedMap),
        absmax: await decodeFloats(file, nestedAbsmax),
        block: nested.block,
        offset: nested.offset,
      })
    : (await decodeFloats(file, absmax)).slice()
  return { codes, scales, zeros: null, groupOf: null }
}

/**
 * Writes 4-bit matrices.
 * @param quantizeScales makes quantized scales of a matrix's f32 ones, for double quantization; null keeps them in f32. The
 * matrix that is then read has the scales that these stand for.
 */
export function bitsandbytes4Writer(quantizeScales: ((scales: Float32Array) => DoubleScales) | null): MatrixWriter {
  const describe = (weight: string, rows: number, cols: number, layout: CodeLayout): TensorDescriptor[] => {
    demandHoldable4(weight, cols, layout)
    const blocks = (rows * cols) / layout.group
    // Its length must be known before the offset is: room for the longest number, filled with spaces.
    const state = stateBytes(rows, cols, layout, quantizeScales ? { block: 256, offset: 0 } : null)
    return [
      { name: weight, shape: [(rows * cols) / 2, 1], type: 'u8' },
      { name: `${weight}.absmax`, shape: [blocks], type: quantizeScales ? 'u8' : 'f32' },
      { name: `${weight}.quant_map`, shape: [16], type: 'f32' },
      ...(quantizeScales
        ? [
            { name: `${weight}.nested_absmax`, shape: [Math.ceil(blocks / 256)], type: 'f32' as const },
            { name: `${weight}.nested_quant_map`, shape: [256], type: 'f32' as const },
          ]
        : []),
      { name: `${weight}${stateMark}${layout.codebook}`, shape: [state.length], type: 'u8' },
    ]
  }
  const encode = (weight: string, matrix: QuantizedMatrix): MatrixPart[] => {
    const { rows, cols, codes, scales, codebook } = matrix
    const double = quantizeScales?.(scales)
    const nibbles = Uint8Array.from({ length: codes.length / 2 }, (_, i) => (codes[2 * i] << 4) | codes[2 * i + 1])
    return [
      { name: weight, bytes: nibbles },
      { name: `${weight}.absmax`, bytes: double ? double.codes : bytesOf(scales) },
      { name: `${weight}.quant_map`, bytes: bytesOf(codebooks[codebook!]) },
      ...(double
        ? [
            { name: `${weight}.nested_absmax`, bytes: bytesOf(double.absmax) },
            { name: `${weight}.nested_quant_map`, bytes: bytesOf(double.code) },
          ]
        : []),
      { name: `${weight}${stateMark}${codebook}`, bytes: stateBytes(rows, cols, matrix, double ?? null) },
    ]
  }
  return { describe, encode }
}

/** Longest text of a number: -2.2250738585072014e-308. */
const longestNumber = 24

function stateBytes(
  rows: number,
  cols: number,
  { codebook, group }: Pick<CodeLayout, 'codebook' | 'group'>,
  nested: { block: number; offset: number } | null,
): Uint8Array {
  const state = {
    quant_type: codebook,
    blocksize: group,
    // What transformers computes with.
    dtype: 'float32',
    shape: [rows, cols],
    ...(nested && { nested_blocksize: nested.block, nested_dtype: 'float32' }),
  }
  const text = JSON.stringify(state)
  if (!nested) return Buffer.from(text)
  const offset = JSON.stringify(nested.offset).padEnd(longestNumber)
  return Buffer.from(`${text.slice(0, -1)},"nested_offset":${offset}}`)
}

function demandHoldable4(weight: string, cols: number, { codebook, group }: CodeLayout): void {
  const fault = (problem: string) => cannotHold(weight, 'bitsandbytes', problem)
  if (codebook === null) throw fault('codes without a codebook')
  if (cols % group !== 0 || cols % 2 !== 0) throw fault(`groups of ${group} do not divide ${cols} inputs`)
  // The sizes that bitsandbytes has kernels for.
  if (![32, 64, 128, 256, 512, 1024, 2048, 4096].includes(group)) throw fault(`groups of ${group}`)
}
