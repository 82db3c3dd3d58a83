import { describe, expect, it } from 'vitest'
import { codebooks } from '../../../src/main/engine/formats/codebooks'
import {
  checkQuantizedMatrix,
  codeLayoutOf,
  dequantizeMatrix,
  type QuantizedMatrix,
} from '../../../src/main/engine/formats/quantized-matrix'

/** Two rows of four inputs in groups of two: 3-bit codes with zeros. */
const matrix = (changes: Partial<QuantizedMatrix> = {}): QuantizedMatrix => ({
  rows: 2,
  cols: 4,
  bits: 3,
  codes: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7),
  group: 2,
  scales: Float32Array.of(0.5, 2, 1, 0.25),
  zeros: Float32Array.of(1, 3.5, 4, 0),
  offset: 0,
  codebook: null,
  groupOf: null,
  ...changes,
})

describe('a quantized matrix', () => {
  it('is scale times the distance from the zero of its group', () => {
    expect([...dequantizeMatrix(matrix())]).toEqual([-0.5, 0, -3, -1, 0, 1, 1.5, 1.75])
    expect([...dequantizeMatrix(matrix(), 1)]).toEqual([0, 1, 1.5, 1.75])
    expect([...dequantizeMatrix(matrix(), 0, 1)]).toEqual([-0.5, 0, -3, -1])
  })

  it('takes the offset where there are no zeros', () => {
    const symmetric = matrix({ zeros: null, offset: 4 })
    expect([...dequantizeMatrix(symmetric, 1)]).toEqual([0, 1, 0.5, 0.75])
  })

  it('looks codes of a codebook up', () => {
    const values = dequantizeMatrix(matrix({ bits: 4, zeros: null, codebook: 'fp4' }), 0, 1)
    expect([...values]).toEqual([0, 0.5 * codebooks.fp4[1], 2 * codebooks.fp4[2], 2])
  })

  it('follows the group of each input', () => {
    const ordered = matrix({ groupOf: Int32Array.of(1, 0, 0, 1) })
    expect([...dequantizeMatrix(ordered, 0, 1)]).toEqual([-7, 0, 0.5, -1])
    expect(codeLayoutOf(ordered)).toEqual({
      bits: 3,
      group: 2,
      affine: true,
      offset: 0,
      codebook: null,
      ordered: true,
    })
  })

  it.each<[string, Partial<QuantizedMatrix>, RegExp]>([
    ['rows', { rows: 3 }, /8 codes for 3 x 4/],
    ['shape', { rows: 0, codes: new Uint8Array(0) }, /no shape/],
    ['bits', { bits: 1 }, /2 to 8/],
    ['fractional bits', { bits: 3.5 }, /2 to 8/],
    ['group', { group: 3 }, /groups of 3 do not divide its 4/],
    ['scales', { scales: new Float32Array(3) }, /3 scales for 4/],
    ['zeros', { zeros: new Float32Array(5) }, /5 zeros for 4/],
    ['code', { bits: 2 }, /code 4 in row 1/],
    ['scale', { scales: Float32Array.of(1, 1, NaN, 1) }, /scale of row 1 is NaN/],
    ['zero', { zeros: Float32Array.of(0, Infinity, 0, 0) }, /zero of row 0 is Infinity/],
    ['codebook', { codebook: 'nf4' }, /4-bit codes and no zeros/],
    ['groups', { groupOf: Int32Array.of(0, 1, 2, 0) }, /input 2 belongs to group 2/],
    ['too few groups', { groupOf: Int32Array.of(0, 1) }, /groups of 2 inputs/],
  ])('says what is wrong with %s', (_, changes, message) => {
    expect(() => checkQuantizedMatrix(matrix(), 'w')).not.toThrow()
    expect(() => checkQuantizedMatrix(matrix(changes), 'blk.0.w')).toThrow(message)
    expect(() => checkQuantizedMatrix(matrix(changes), 'blk.0.w')).toThrow(/^blk\.0\.w: /)
  })
})
