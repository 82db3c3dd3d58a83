/** Tiles of layouts that no GGML type has but quantization methods make: longer groups, and whole rows with one scale. */
import { type PackedTiles } from '../../src/main/engine/quant/pack'
import { packedBytes, stepsOf, type PackedLayout } from '../../src/main/engine/quant/packed-layout'
import { normal, random } from './fill'
import { groupMagnitudes, type CaseWeights } from './weights'

const bits = { q4: 4, q5: 5, q8: 8 } as const
export type AffineLayout = PackedLayout & { format: keyof typeof bits }

/** Random codes and scales, laid out word by word as kernels/parts/weights_*.wgsl describe it. */
export function affineWeights(
  layout: AffineLayout,
  rows: number,
  cols: number,
  lanes: number,
  seed: number,
): CaseWeights {
  const next = random(seed)
  const signed = layout.format === 'q8'
  const range = 2 ** bits[layout.format]
  const codes = Array.from({ length: rows * cols }, () => Math.floor(next() * range) - (signed ? range / 2 : 0))
  const groups = Math.ceil((stepsOf(cols) * 32) / layout.group)
  const round = (v: number) => (layout.wide ? Math.fround(v) : Math.f16round(v))
  const scales = Array.from(normal(0.1)(rows * groups, seed + 1), round)
  const minima = Array.from(normal()(rows * groups, seed + 2), (v) => (layout.minimum ? round(v) : 0))
  const values = codes.map((code, i) => {
    const group = Math.floor(i / cols) * groups + Math.floor((i % cols) / layout.group)
    return scales[group] * (code - layout.offset) + minima[group]
  })
  const tiles = emptyTiles(layout, rows, cols, lanes)
  for (let row = 0; row < rows; row++) {
    const lane = Math.floor((row % (lanes * 4)) / 4)
    const place: Place = { tile: Math.floor(row / (lanes * 4)), lane, component: row % 4, lanes }
    for (let k = 0; k < cols; k++) putCode(tiles, layout, place, { cols, k, code: codes[row * cols + k] })
    for (let g = 0; g < groups; g++)
      putScale(tiles.scales, layout, place, { groups, g, scale: scales[row * groups + g], minimum: minima[row * groups + g] }) // prettier-ignore
  }
  return { layout, tiles, values, magnitudes: groupMagnitudes(values, Math.min(layout.group, cols)) }
}

function emptyTiles(layout: PackedLayout, rows: number, cols: number, lanes: number): PackedTiles {
  const bytes = packedBytes(layout, rows, cols, lanes)
  return {
    weights: new Uint32Array(bytes.weights / 4),
    scales: new Uint32Array(Math.ceil(bytes.scales / 16) * 4),
    highBits: new Uint32Array(bytes.highBits / 4),
  }
}

interface Place {
  tile: number
  lane: number
  component: number
  lanes: number
}

function putCode(
  tiles: PackedTiles,
  layout: AffineLayout,
  { tile, lane, component, lanes }: Place,
  { cols, k, code }: { cols: number; k: number; code: number },
): void {
  const step = tile * stepsOf(cols) + Math.floor(k / 32)
  const high = k % 32 >= 16
  const quarter = Math.floor((k % 16) / 4)
  if (layout.format === 'q8') {
    const vector = (step * 8 + quarter * 2 + Number(high)) * lanes + lane
    tiles.weights[vector * 4 + component] |= (code & 255) << (8 * (k % 4))
    return
  }
  const vector = (step * 4 + quarter) * lanes + lane
  tiles.weights[vector * 4 + component] |= (code & 15) << (8 * (k % 4) + (high ? 4 : 0))
  if (layout.format === 'q5')
    tiles.highBits[(step * lanes + lane) * 4 + component] |= (code >> 4) << (8 * (k % 4) + (high ? 4 : 0) + quarter)
}

function putScale(
  out: Uint32Array<ArrayBuffer>,
  layout: PackedLayout,
  { tile, lane, component, lanes }: Place,
  { groups, g, scale, minimum }: { groups: number; g: number; scale: number; minimum: number },
): void {
  const unit = (tile * groups + g) * lanes + lane
  const numbers = layout.wide ? new Float32Array(out.buffer) : new Float16Array(out.buffer)
  if (!layout.minimum) {
    numbers[unit * 4 + component] = scale
    return
  }
  // Wide: all scales, then all minima; halves: pairs.
  numbers[unit * 8 + (layout.wide ? component : component * 2)] = scale
  numbers[unit * 8 + (layout.wide ? component + 4 : component * 2 + 1)] = minimum
}
