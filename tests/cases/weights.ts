/** Random weights of every type as they lie in files, their values, and their tiles. */
import { blockTypes } from '../../src/main/engine/formats/block-types'
import { type TensorType } from '../../src/main/engine/formats/weight-file'
import { isAffine, layoutConstants } from '../../src/main/engine/kernels/weight-formats'
import { dequantize } from '../../src/main/engine/quant/blocks/dequantize'
import { TilePacker, type PackedTiles } from '../../src/main/engine/quant/pack'
import { stepsOf, type PackedLayout } from '../../src/main/engine/quant/packed-layout'
import { normal, random } from './fill'

export const weightTypes = [
  'q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0', 'q2_k', 'q3_k', 'q4_k', 'q5_k', 'q6_k', 'iq4_nl', 'iq4_xs', 'f16', 'bf16', 'f32',
] as const satisfies readonly TensorType[] // prettier-ignore
export type WeightType = (typeof weightTypes)[number]

/** Where a block's half-float scales lie; all other bytes may be anything. */
const scaleOffsets: Record<Exclude<WeightType, 'f16' | 'bf16' | 'f32'>, number[]> = {
  q4_0: [0], q4_1: [0, 2], q5_0: [0], q5_1: [0, 2], q8_0: [0], q2_k: [80, 82], q3_k: [108], q4_k: [0, 2], q5_k: [0, 2], q6_k: [208],
  iq4_nl: [0], iq4_xs: [0],
} // prettier-ignore

/** The weights of a matrix, ready to be bound. */
export interface CaseWeights {
  layout: PackedLayout
  tiles: PackedTiles
  /** [rows, cols] */
  values: ArrayLike<number>
  /** [rows, cols]: what a rounding error may be relative to: |code * scale| + |minimum| at most. */
  magnitudes: ArrayLike<number>
}

function rawBlocks(type: keyof typeof scaleOffsets, count: number, seed: number): Uint8Array<ArrayBuffer> {
  const { blockSize, blockBytes } = blockTypes[type]
  const next = random(seed)
  const bytes = Uint8Array.from({ length: (count / blockSize) * blockBytes }, () => Math.floor(next() * 256))
  const view = new DataView(bytes.buffer)
  // Six- and eight-bit factors multiply the scales of super-blocks.
  const scales = normal(blockSize === 256 ? 0.002 : 0.1)((bytes.length / blockBytes) * 2, seed + 1)
  for (let block = 0; block * blockBytes < bytes.length; block++)
    scaleOffsets[type].forEach((at, i) => {
      const bits = new Uint16Array(Float16Array.of(scales[block * 2 + i]).buffer)[0]
      view.setUint16(block * blockBytes + at, bits, true)
    })
  return bytes
}

function rawNumbers(type: 'f16' | 'bf16' | 'f32', count: number, seed: number): Uint8Array<ArrayBuffer> {
  const values = normal()(count, seed)
  if (type === 'f32') return new Uint8Array(values.buffer)
  if (type === 'f16') return new Uint8Array(Float16Array.from(values).buffer)
  return new Uint8Array(Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16).buffer)
}

/** Random weights of a type, through the packer the loader uses; `lanes` is the device's. */
export function typedWeights(type: WeightType, rows: number, cols: number, lanes: number, seed: number): CaseWeights {
  const count = rows * cols
  const plain = type === 'f16' || type === 'bf16' || type === 'f32'
  const raw = plain ? rawNumbers(type, count, seed) : rawBlocks(type, count, seed)
  const packer = new TilePacker(type, cols, lanes)
  const rowBytes = raw.length / rows
  const tiles = packer.pack(Array.from({ length: rows }, (_, r) => raw.subarray(r * rowBytes, (r + 1) * rowBytes)))
  const values = dequantize(type, raw, count)
  return { layout: packer.layout, tiles, values, magnitudes: groupMagnitudes(values, packer.layout.group) }
}

/**
 * The kernels take codes, scales and minima apart, so they round relative to |code * scale| and |minimum|, which may be larger than
 * the weight. Random codes span their range, so three times the largest weight of a group is above both.
 */
export function groupMagnitudes(values: ArrayLike<number>, group: number): number[] {
  const out: number[] = []
  for (let i = 0; i < values.length; i += group) {
    let most = 0
    for (let k = i; k < Math.min(i + group, values.length); k++) most = Math.max(most, Math.abs(values[k]))
    for (let k = i; k < Math.min(i + group, values.length); k++) out.push(3 * most)
  }
  return out
}

/** Bindings and parameters that matrix kernels share. */
export function weightBuffers(tiles: PackedTiles): Record<'weights' | 'scales' | 'highBits', Uint32Array<ArrayBuffer>> {
  const bound = (words: Uint32Array<ArrayBuffer>) => (words.length > 0 ? words : new Uint32Array(4))
  return { weights: bound(tiles.weights), scales: bound(tiles.scales), highBits: bound(tiles.highBits) }
}

export const weightConstants = (layout: PackedLayout) => ({
  AFFINE: isAffine(layout.format),
  ...layoutConstants(layout),
})

export { stepsOf }
