/** Small float tensors of a checkpoint, such as scales, as f32. */
import { MoruError } from '../../../../shared/errors'
import { halfBytes } from '../number-bytes'
import type { TensorInfo, WeightFile } from '../weight-file'
import { readPart } from './layout'

/** @param part an f32, f16 or bf16 tensor */
export async function decodeFloats(file: WeightFile, part: TensorInfo): Promise<Float32Array> {
  const bytes = await readPart(file, part)
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  switch (part.type) {
    case 'f32':
      return new Float32Array(buffer, byteOffset, byteLength / 4)
    case 'f16':
      return Float32Array.from(new Float16Array(buffer, byteOffset, byteLength / 2))
    case 'bf16': {
      const high = new Uint16Array(buffer, byteOffset, byteLength / 2)
      return new Float32Array(Uint32Array.from(high, (bits) => bits << 16).buffer)
    }
    default:
      throw new MoruError('invalid_file', `${part.name} is ${part.type}, where floats belong.`)
  }
}

/** Scales that a checkpoint keeps group by group, [groups, rows], as [rows, groups]. */
export async function readGroupScales(file: WeightFile, part: TensorInfo): Promise<Float32Array> {
  const [groups, rows] = part.shape
  const stored = await decodeFloats(file, part)
  const scales = new Float32Array(rows * groups)
  for (let g = 0; g < groups; g++) for (let r = 0; r < rows; r++) scales[r * groups + g] = stored[g * rows + r]
  return scales
}

/** The way back, as f16. */
export function groupScaleBytes(scales: Float32Array, rows: number): Uint8Array {
  const groups = scales.length / rows
  return halfBytes(scales.map((_, i) => scales[(i % rows) * groups + Math.floor(i / rows)]))
}
