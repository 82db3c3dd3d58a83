/** Groups of inputs that share a scale: which there may be, and a matrix to fill. */
import { MoruError } from '../../../shared/errors'
import { type QuantizedMatrix } from '../formats/quantized-matrix'

/** Inputs that share a scale, or 'row' for all inputs of an output. */
export type Group = number | 'row'

/** Smallest group that a kernel reads, and what all groups but a whole row are multiples of. */
const groupUnit = 32

/** Groups that divide a row of `cols` inputs, the row itself last. */
export function groupsOf(cols: number): number[] {
  const groups: number[] = []
  for (let group = groupUnit; group < cols; group += groupUnit) if (cols % group === 0) groups.push(group)
  return [...groups, cols]
}

/**
 * The group in inputs.
 * @throws MoruError invalid_input, naming the groups there may be, where it does not divide the row
 */
export function groupSize(group: Group, cols: number): number {
  if (group === 'row') return cols
  if (group === cols || (group >= groupUnit && group % groupUnit === 0 && cols % group === 0)) return group
  const choices = groupsOf(cols)
  throw new MoruError(
    'invalid_input',
    `Groups of ${group} do not divide rows of ${cols} inputs. Choose ${choices.length > 1 ? `${choices.slice(0, -1).join(', ')} or ` : ''}${cols} (a whole row).`,
    { details: { group, cols, choices } },
  )
}

/** A matrix of zeros for `weights` values in rows of `cols`. */
export function emptyMatrix(
  weights: number,
  cols: number,
  layout: { bits: number; group: number; affine?: boolean; offset?: number; codebook?: QuantizedMatrix['codebook'] },
): QuantizedMatrix {
  const { bits, group, affine = false, offset = 0, codebook = null } = layout
  const groups = weights / group
  return {
    rows: weights / cols,
    cols,
    bits,
    codes: new Uint8Array(weights),
    group,
    scales: new Float32Array(groups),
    zeros: affine ? new Float32Array(groups) : null,
    offset,
    codebook,
    groupOf: null,
  }
}

/** Matrices of the same layout and inputs one below the other. */
export function stackRows(parts: QuantizedMatrix[]): QuantizedMatrix {
  const [first] = parts
  if (parts.length === 1) return first
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  const { cols, bits, group, zeros, offset, codebook, groupOf } = first
  const layout = { bits, group, affine: zeros !== null, offset, codebook }
  const whole = { ...emptyMatrix(rows * cols, cols, layout), groupOf }
  let row = 0
  for (const part of parts) {
    const g = (row * cols) / group
    whole.codes.set(part.codes, row * cols)
    whole.scales.set(part.scales, g)
    if (part.zeros) whole.zeros?.set(part.zeros, g)
    row += part.rows
  }
  return whole
}
