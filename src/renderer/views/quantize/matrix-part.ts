/** A part of a matrix, in weights; rows and cols 0: all from there on. */
export interface Part {
  row: number
  col: number
  rows: number
  cols: number
}

export const wholeMatrix: Part = { row: 0, col: 0, rows: 0, cols: 0 }
