/**
 * Scales of a group of weights by weighted least squares. Candidates for the distance between levels around the one that spans
 * the group; for each the codes, and for those the scale (and minimum) that loses least. The search is that of ggml-quants.c
 * (make_qx_quants, make_qkx3_quants) in its idea; its weighting is the importance itself, without a guess where none is given.
 */
import { clamp, roundEven } from '../rounding'

/** A run of weights, and how much an error of each counts. */
export interface Run {
  x: Float32Array
  at: number
  count: number
  /** Importance of input i of the run at `weightAt + i`. */
  weight: Float32Array
  weightAt: number
}

const candidates = 19

/** The signed scale for codes -half..half - 1; 0 for zeros. The largest weight takes -half, the one code without a mirror image. */
export function fitSymmetric({ x, at, count, weight, weightAt }: Run, half: number): number {
  let largest = 0
  for (let i = at; i < at + count; i++) if (Math.abs(x[i]) > Math.abs(largest)) largest = x[i]
  if (largest === 0) return 0
  let best = -largest / half
  let most = -Infinity
  for (let c = 0; c < candidates; c++) {
    const inverse = -(half + 0.1 * (c - (candidates - 1) / 2)) / largest
    let product = 0
    let square = 0
    for (let i = 0; i < count; i++) {
      const v = x[at + i]
      const q = clamp(roundEven(v * inverse), -half, half - 1)
      const w = weight[weightAt + i]
      product += w * q * v
      square += w * q * q
    }
    // What the fit explains: the loss is the energy less this.
    if (square > 0 && product * product > most * square) {
      most = (product * product) / square
      best = product / square
    }
  }
  return best
}

export interface Affine {
  scale: number
  minimum: number
}

/**
 * Scale and minimum for codes 0..most. `below`: the minimum must not be positive, as in K-blocks, which store how far below 0 it
 * lies.
 */
export function fitAffine(run: Run, most: number, below: boolean): Affine {
  const { x, at, count } = run
  let low = x[at]
  let high = x[at]
  for (let i = at + 1; i < at + count; i++) {
    if (x[i] < low) low = x[i]
    else if (x[i] > high) high = x[i]
  }
  if (below && low > 0) low = 0
  if (!(high > low)) return { scale: 0, minimum: low }
  const whole = { scale: (high - low) / most, minimum: low }
  let best: Fitted = { ...whole, explained: -Infinity }
  for (let c = 0; c <= 20; c++) {
    const fitted = refitAffine(run, { scale: (high - low) / (most + 0.1 * c - 1), minimum: low }, most, below)
    if (fitted && fitted.explained > best.explained) best = fitted
  }
  return polished(run, whole, best, most, below)
}

/** Fits and codes in turn, from the better of two starts, while the loss falls. */
function polished(run: Run, whole: Affine, start: Affine, most: number, below: boolean): Affine {
  let best = whole
  let least = affineLoss(run, whole, most)
  for (let next: Affine | null = start, round = 0; next && round < 4; round++) {
    const loss = affineLoss(run, next, most)
    if (!(loss < least)) break
    least = loss
    best = next
    next = refitAffine(run, next, most, below)
  }
  return best
}

interface Fitted extends Affine {
  /** What is taken off the energy of the weights: the loss, for the codes that were fitted, is the rest. */
  explained: number
}

/** Least squares for the codes that a scale and minimum choose; null where they are all alike. */
function refitAffine(run: Run, { scale, minimum }: Affine, most: number, below: boolean): Fitted | null {
  const { x, at, count, weight, weightAt } = run
  const inverse = 1 / scale
  let [n, q1, q2, x1, qx] = [0, 0, 0, 0, 0]
  for (let i = 0; i < count; i++) {
    const v = x[at + i]
    const q = clamp(roundEven((v - minimum) * inverse), 0, most)
    const w = weight[weightAt + i]
    n += w
    q1 += w * q
    q2 += w * q * q
    x1 += w * v
    qx += w * q * v
  }
  const determinant = n * q2 - q1 * q1
  if (!(determinant > 0)) return null
  const slope = (n * qx - x1 * q1) / determinant
  const shift = (q2 * x1 - q1 * qx) / determinant
  if (below && shift > 0) return { scale: qx / q2, minimum: 0, explained: (qx * qx) / q2 }
  return slope > 0 ? { scale: slope, minimum: shift, explained: slope * qx + shift * x1 } : null
}

/** Weighted squared error of the nearest codes. */
export function affineLoss(run: Run, { scale, minimum }: Affine, most: number): number {
  const { x, at, count, weight, weightAt } = run
  const inverse = scale > 0 ? 1 / scale : 0
  let loss = 0
  for (let i = 0; i < count; i++) {
    const v = x[at + i] - minimum
    const off = v - scale * clamp(roundEven(v * inverse), 0, most)
    loss += weight[weightAt + i] * off * off
  }
  return loss
}

/** Weighted squared error of the nearest codes -half..half - 1. */
export function symmetricLoss({ x, at, count, weight, weightAt }: Run, scale: number, half: number): number {
  const inverse = scale !== 0 ? 1 / scale : 0
  let loss = 0
  for (let i = 0; i < count; i++) {
    const off = x[at + i] - scale * clamp(roundEven(x[at + i] * inverse), -half, half - 1)
    loss += weight[weightAt + i] * off * off
  }
  return loss
}

/** The nearest codes, 0..most, of a run into `out` from `to` on. */
export function putAffineCodes(
  { x, at, count }: Run,
  { scale, minimum }: Affine,
  most: number,
  out: Uint8Array,
  to: number,
): void {
  const inverse = scale > 0 ? 1 / scale : 0
  for (let i = 0; i < count; i++) out[to + i] = clamp(roundEven((x[at + i] - minimum) * inverse), 0, most)
}

/** The same of codes -half..half - 1, raised by half. */
export function putSymmetricCodes(
  { x, at, count }: Run,
  scale: number,
  half: number,
  out: Uint8Array,
  to: number,
): void {
  const inverse = scale !== 0 ? 1 / scale : 0
  for (let i = 0; i < count; i++) out[to + i] = clamp(roundEven(x[at + i] * inverse), -half, half - 1) + half
}
