/** Rows of codes and scales, or of plain numbers, to the tiles that the matrix kernels read. */
import { isScaled, packedBytes, stepsOf, type PackedLayout } from './packed-layout'

export interface PackedTiles {
  weights: Uint32Array<ArrayBuffer>
  scales: Uint32Array<ArrayBuffer>
  highBits: Uint32Array<ArrayBuffer>
}

/** One row taken apart, in arrays that are reused from row to row. */
export interface RowScratch {
  /** [cols, padded to steps of 32]; signed for q8. */
  q: Uint8Array | Int8Array
  /** A group's scale. */
  scale: Float32Array
  /** Its minimum or zero, where the layout has one. */
  min: Float32Array
}

/** Packs rows of one layout and width. Rows given together must be whole tiles, but for the matrix's last ones. */
export class TilePacker {
  readonly layout: PackedLayout
  readonly cols: number
  private readonly lanes: number
  private readonly steps: number
  private readonly scratch: RowScratch

  constructor(layout: PackedLayout, cols: number, lanes: number) {
    this.layout = layout
    this.cols = cols
    this.lanes = lanes
    this.steps = stepsOf(cols)
    const padded = isScaled(layout.format) ? this.steps * 32 : 0
    const groups = Math.ceil(padded / layout.group)
    this.scratch = {
      q: layout.format === 'q8' ? new Int8Array(padded) : new Uint8Array(padded),
      scale: new Float32Array(groups),
      min: new Float32Array(groups),
    }
  }

  /** `take` fills the scratch with row i, for i below `rows`. Rows missing from the last tile are zeros. */
  packScaled(rows: number, take: (row: number, scratch: RowScratch) => void): PackedTiles {
    const tiles = this.empty(rows)
    const { q, scale, min } = this.scratch
    for (let row = 0; row < rows; row++) {
      take(row, this.scratch)
      this.packCodes(tiles, q, row)
      this.packScales(tiles.scales, scale, min, row)
    }
    return tiles
  }

  /** `rows`: each row's numbers, little-endian, of the layout's type. */
  packPlain(rows: Uint8Array[]): PackedTiles {
    const tiles = this.empty(rows.length)
    rows.forEach((raw, row) => this.packNumbers(tiles.weights, raw, row))
    return tiles
  }

  private empty(rows: number): PackedTiles {
    const bytes = packedBytes(this.layout, rows, this.cols, this.lanes)
    return {
      weights: new Uint32Array(bytes.weights / 4),
      scales: new Uint32Array(Math.ceil(bytes.scales / 4)),
      highBits: new Uint32Array(bytes.highBits / 4),
    }
  }

  /** Index of the first of a row's words, and the distance from word to word, where a row has `words` of them. */
  private place(row: number, words: number): { first: number; stride: number } {
    const tileRows = this.lanes * 4
    const tile = Math.floor(row / tileRows)
    return { first: tile * words * tileRows + (row % tileRows), stride: tileRows }
  }

  private packCodes(tiles: PackedTiles, q: ArrayLike<number>, row: number): void {
    switch (this.layout.format) {
      case 'q8':
        return this.packBytes(tiles.weights, q, row)
      case 'q2':
        return this.packPairs(tiles.weights, q, row, 0)
      case 'q3':
        this.packPairs(tiles.weights, q, row, 0)
        return this.packBit(tiles.highBits, q, row, 2)
      case 'q5':
        this.packNibbles(tiles.weights, q, row)
        return this.packBit(tiles.highBits, q, row, 4)
      case 'q6':
        this.packNibbles(tiles.weights, q, row)
        return this.packPairs(tiles.highBits, q, row, 4)
      default:
        return this.packNibbles(tiles.weights, q, row)
    }
  }

  private packNibbles(out: Uint32Array, q: ArrayLike<number>, row: number): void {
    const { first, stride } = this.place(row, this.steps * 4)
    let at = first
    for (let k = 0; k < this.steps * 32; k += 32)
      for (let i = k; i < k + 16; i += 4, at += stride)
        out[at] =
          (q[i] & 15) | ((q[i + 16] & 15) << 4) | ((q[i + 1] & 15) << 8) | ((q[i + 17] & 15) << 12) |
          ((q[i + 2] & 15) << 16) | ((q[i + 18] & 15) << 20) | ((q[i + 3] & 15) << 24) | ((q[i + 19] & 15) << 28) // prettier-ignore
  }

  /** Two bits of each code, from bit `bit` on: a word of two quarters, the odd one's pairs two bits above the even one's. */
  private packPairs(out: Uint32Array, q: ArrayLike<number>, row: number, bit: number): void {
    const { first, stride } = this.place(row, this.steps * 2)
    let at = first
    for (let k = 0; k < this.steps * 32; k += 32)
      for (let i = k; i < k + 16; i += 8, at += stride) {
        let word = 0
        for (let n = 0; n < 4; n++)
          word |=
            (((q[i + n] >> bit) & 3) << (8 * n)) | (((q[i + 16 + n] >> bit) & 3) << (8 * n + 4)) |
            (((q[i + 4 + n] >> bit) & 3) << (8 * n + 2)) | (((q[i + 20 + n] >> bit) & 3) << (8 * n + 6)) // prettier-ignore
        out[at] = word
      }
  }

  /** One bit of each code: those of quarter n at bits n, n + 4 and so on, in the order of its nibbles. */
  private packBit(out: Uint32Array, q: ArrayLike<number>, row: number, bit: number): void {
    const { first, stride } = this.place(row, this.steps)
    let at = first
    for (let k = 0; k < this.steps * 32; k += 32, at += stride) {
      let bits = 0
      for (let i = 0; i < 16; i++) {
        const to = 8 * (i & 3) + (i >> 2)
        bits |= (((q[k + i] >> bit) & 1) << to) | (((q[k + 16 + i] >> bit) & 1) << (to + 4))
      }
      out[at] = bits
    }
  }

  private packBytes(out: Uint32Array, q: ArrayLike<number>, row: number): void {
    const { first, stride } = this.place(row, this.steps * 8)
    let at = first
    for (let k = 0; k < this.steps * 32; k += 32)
      for (let i = k; i < k + 16; i += 4)
        for (const j of [i, i + 16]) {
          out[at] = (q[j] & 255) | ((q[j + 1] & 255) << 8) | ((q[j + 2] & 255) << 16) | ((q[j + 3] & 255) << 24)
          at += stride
        }
  }

  private packScales(out: Uint32Array, scale: Float32Array, min: Float32Array, row: number): void {
    const { wide, minimum } = this.layout
    const groups = scale.length
    const tileRows = this.lanes * 4
    const tile = Math.floor(row / tileRows)
    const lane = Math.floor((row % tileRows) / 4)
    const component = row % 4
    const floats = new Float32Array(out.buffer)
    const halves = new Float16Array(out.buffer)
    for (let g = 0; g < groups; g++) {
      const unit = (tile * groups + g) * this.lanes + lane
      if (wide) {
        floats[unit * (minimum ? 8 : 4) + component] = scale[g]
        if (minimum) floats[unit * 8 + 4 + component] = min[g]
      } else if (minimum) {
        halves[unit * 8 + component * 2] = scale[g]
        halves[unit * 8 + component * 2 + 1] = min[g]
      } else {
        halves[unit * 4 + component] = scale[g]
      }
    }
  }

  /** f32, f16 and bf16: words of one or two inputs, the quarters' low halves before their high ones. */
  private packNumbers(out: Uint32Array, raw: Uint8Array, row: number): void {
    const perWord = this.layout.format === 'f32' ? 1 : 2
    const elementBytes = 4 / perWord
    const { first, stride } = this.place(row, (this.steps * 32) / perWord)
    let at = first
    if (perWord === 1 && raw.byteOffset % 4 === 0) {
      const words = new Uint32Array(raw.buffer, raw.byteOffset, raw.length >> 2)
      for (let k = 0; k < words.length; k += 32)
        for (let i = 0; i < 16; i += 4)
          for (let j = i; j < 32; j += 16)
            for (let n = k + j; n < k + j + 4; n++, at += stride) if (n < words.length) out[at] = words[n]
      return
    }
    const word = (k: number): number => {
      let value = 0
      for (let b = 0; b < 4; b++) {
        const byte = k * elementBytes + b
        if (byte < raw.length) value |= raw[byte] << (8 * b)
      }
      return value
    }
    for (let k = 0; k < this.steps * 32; k += 32)
      for (let i = k; i < k + 16; i += 4)
        for (const j of [i, i + 16])
          for (let n = 0; n < 4; n += perWord) {
            out[at] = word(j + n)
            at += stride
          }
  }
}
