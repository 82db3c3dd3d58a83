/** Random weights of every type as they lie in files, their values, and their tiles. */
import { blockTypes } from '../../src/main/engine/formats/block-types'
import { type Codebook } from '../../src/main/engine/formats/codebooks'
import { codeLayoutOf, dequantizeMatrix, type QuantizedMatrix } from '../../src/main/engine/formats/quantized-matrix'
import { type TensorType } from '../../src/main/engine/formats/weight-file'
import { layoutConstants } from '../../src/main/engine/kernels/weight-formats'
import { dequantize } from '../../src/main/engine/quant/blocks/dequantize'
import { TilePacker, type PackedTiles } from '../../src/main/engine/quant/pack'
import { packCodes, packStored } from '../../src/main/engine/quant/pack-rows'
import {
  isScaled,
  layoutOf,
  layoutOfCodes,
  stepsOf,
  type PackedLayout,
} from '../../src/main/engine/quant/packed-layout'
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
  const packer = new TilePacker(layoutOf(type), cols, lanes)
  const rowBytes = raw.length / rows
  const stored = Array.from({ length: rows }, (_, r) => raw.subarray(r * rowBytes, (r + 1) * rowBytes))
  const tiles = packStored(packer, type, stored)
  const values = dequantize(type, raw, count)
  return { layout: packer.layout, tiles, values, magnitudes: groupMagnitudes(values, packer.layout.group) }
}

/** Codes of a quantization method: bits, groups, zeros or a codebook, and the type its scales are stored in. */
export interface MethodWeights {
  bits: number
  group: number | 'row'
  affine?: boolean
  codebook?: Codebook
  type: 'f16' | 'f32'
}

/** Every packed format that quantization methods need beside GGML's types, each way of storing zeros, and long groups. */
export const methods: Readonly<Record<string, MethodWeights>> = {
  '2 bits, groups of 64': { bits: 2, group: 64, affine: true, type: 'f16' },
  '2 bits, symmetric, groups of 32': { bits: 2, group: 32, type: 'f16' },
  '3 bits, groups of 64': { bits: 3, group: 64, affine: true, type: 'f16' },
  '3 bits, symmetric, a row': { bits: 3, group: 'row', type: 'f16' },
  '4 bits, groups of 96': { bits: 4, group: 96, affine: true, type: 'f16' },
  '4 bits, wide, groups of 64': { bits: 4, group: 64, affine: true, type: 'f32' },
  '5 bits, groups of 64': { bits: 5, group: 64, affine: true, type: 'f16' },
  '6 bits, groups of 64': { bits: 6, group: 64, affine: true, type: 'f16' },
  '6 bits, symmetric, groups of 32': { bits: 6, group: 32, type: 'f32' },
  '7 bits, groups of 64': { bits: 7, group: 64, affine: true, type: 'f16' },
  '8 bits, a row with a zero': { bits: 8, group: 'row', affine: true, type: 'f16' },
  '8 bits, symmetric, a row': { bits: 8, group: 'row', type: 'f32' },
  'NF4, blocks of 64': { bits: 4, group: 64, codebook: 'nf4', type: 'f32' },
  'NF4, blocks of 32': { bits: 4, group: 32, codebook: 'nf4', type: 'f16' },
  'FP4, blocks of 64': { bits: 4, group: 64, codebook: 'fp4', type: 'f32' },
}

/** A matrix of random codes, as methods make and checkpoints hold it. */
export function randomMatrix(m: MethodWeights, rows: number, cols: number, seed: number): QuantizedMatrix {
  const next = random(seed)
  const group = m.group === 'row' ? cols : m.group
  const store = (v: number) => (m.type === 'f16' ? Math.f16round(v) : Math.fround(v))
  const groups = (rows * cols) / group
  const code = () => Math.floor(next() * 2 ** m.bits)
  return {
    rows,
    cols,
    bits: m.bits,
    codes: Uint8Array.from({ length: rows * cols }, code),
    group,
    scales: normal(0.1)(groups, seed + 1).map(store),
    // Fractions where the file has room for them.
    zeros: m.affine ? Float32Array.from({ length: groups }, () => code() + (m.type === 'f32' ? next() : 0)) : null,
    offset: m.affine || m.codebook ? 0 : 2 ** (m.bits - 1),
    codebook: m.codebook ?? null,
    groupOf: null,
  }
}

/** 2^-16 of a magnitude, in the least that cases allow of it: four roundings. */
const nf4Roundings = 64

/** Random codes through the packer the loader uses. */
export function methodWeights(m: MethodWeights, rows: number, cols: number, lanes: number, seed: number): CaseWeights {
  const matrix = randomMatrix(m, rows, cols, seed)
  const packer = new TilePacker(layoutOfCodes(codeLayoutOf(matrix), m.type, cols), cols, lanes)
  const taken = Array.from({ length: rows }, (_, row) => ({ matrix, row }))
  const values = dequantizeMatrix(matrix)
  // NF4's table is off by 2^-16 of the scale, which counts as so many roundings of 2^-24.
  const rounding = m.codebook === 'nf4' ? nf4Roundings : 1
  const magnitudes = groupMagnitudes(values, matrix.group).map((v) => v * rounding)
  return { layout: packer.layout, tiles: packCodes(packer, taken, null), values, magnitudes }
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
  SCALED: isScaled(layout.format),
  ...layoutConstants(layout),
})

export { stepsOf }
