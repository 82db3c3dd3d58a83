/** Evenly spaced levels for a group of weights: w ~ scale * (code - zero), code in 0..2^bits - 1. */
import { clamp, roundEven } from './rounding'

export interface Grid {
  /** 0 for a group of zeros. */
  scale: number
  /** In codes; whole. */
  zero: number
}

/** low <= 0 <= high */
export interface Range {
  low: number
  high: number
}

export interface GridOptions {
  bits: number
  /** The zero lies in the middle of the codes. */
  symmetric: boolean
  /** Rounds a scale to what will be stored. */
  store: (scale: number) => number
}

/** The zero of symmetric codes. */
export const middle = (bits: number): number => 2 ** (bits - 1)

/**
 * Levels from the smallest to the largest weight, 0 among them. Symmetric ones span the largest magnitude to both sides, half
 * a level more than the codes hold above: GPTQ's and compressed-tensors' convention.
 */
export function rangeGrid(values: ArrayLike<number>, from: number, to: number, options: GridOptions): Grid {
  return gridBetween(rangeOf(values, from, to), options)
}

/** Least and largest of values [from, to), 0 among them. */
export function rangeOf(values: ArrayLike<number>, from = 0, to = values.length): Range {
  let low = 0
  let high = 0
  for (let i = from; i < to; i++) {
    if (values[i] < low) low = values[i]
    else if (values[i] > high) high = values[i]
  }
  return { low, high }
}

/** Largest magnitude of values [from, to). */
export function largestMagnitude(values: ArrayLike<number>, from = 0, to = values.length): number {
  const { low, high } = rangeOf(values, from, to)
  return Math.max(-low, high)
}

/** Levels over a range. */
export function gridBetween({ low, high }: Range, { bits, symmetric, store }: GridOptions): Grid {
  const most = 2 ** bits - 1
  if (symmetric) return { scale: store((2 * Math.max(-low, high)) / most), zero: middle(bits) }
  const scale = store((high - low) / most)
  return { scale, zero: scale > 0 ? clamp(roundEven(-low / scale), 0, most) : 0 }
}

/** The code nearest to a weight. */
export function codeOf(value: number, { scale, zero }: Grid, most: number): number {
  return scale > 0 ? clamp(roundEven(value / scale) + zero, 0, most) : zero
}

/** Shares of the range that a search tries, from the whole down. */
const shares = [1, 0.97, 0.94, 0.91, 0.88, 0.85, 0.82, 0.79, 0.76, 0.73, 0.7, 0.66, 0.62, 0.58]

/**
 * The levels with the least weighted squared error: narrower ranges, cut at either end, each with the scale that least squares
 * then gives. `importance[i]` weighs input i of the group; without it all count alike. Never worse than rangeGrid.
 */
export function searchGrid(
  values: ArrayLike<number>,
  from: number,
  to: number,
  options: GridOptions,
  importance?: ArrayLike<number>,
): Grid {
  const whole = rangeGrid(values, from, to, options)
  if (whole.scale === 0) return whole
  const most = 2 ** options.bits - 1
  let best = whole
  let least = gridError(values, from, to, whole, most, importance)
  const consider = (grid: Grid): void => {
    const error = gridError(values, from, to, grid, most, importance)
    if (error < least) {
      least = error
      best = grid
    }
  }
  for (const share of shares) {
    const scale = whole.scale * share
    for (const zero of zerosAt(whole, share, most, options)) {
      const fitted = options.store(fitScale(values, from, to, { scale, zero }, most, importance))
      if (fitted > 0) consider({ scale: fitted, zero })
    }
  }
  return best
}

/** Zeros that cut the range at its low end, its high end, or both. */
function zerosAt({ zero }: Grid, share: number, most: number, { symmetric, bits }: GridOptions): number[] {
  if (symmetric) return [middle(bits)]
  const cutHigh = Math.round(zero / share)
  const cutLow = Math.round(most - (most - zero) / share)
  const zeros: number[] = []
  for (let z = clamp(cutLow, 0, most); z <= clamp(cutHigh, 0, most); z++) zeros.push(z)
  return zeros
}

/** The scale that least squares gives to the codes that a grid chooses; 0 where none does. */
function fitScale(
  values: ArrayLike<number>,
  from: number,
  to: number,
  grid: Grid,
  most: number,
  importance?: ArrayLike<number>,
): number {
  let product = 0
  let square = 0
  const inverse = 1 / grid.scale
  for (let i = from; i < to; i++) {
    const level = clamp(roundEven(values[i] * inverse), -grid.zero, most - grid.zero)
    const weight = importance ? importance[i - from] : 1
    product += weight * level * values[i]
    square += weight * level * level
  }
  return square > 0 ? product / square : 0
}

/** Weighted sum of squared differences between the weights and their nearest levels. */
function gridError(
  values: ArrayLike<number>,
  from: number,
  to: number,
  { scale, zero }: Grid,
  most: number,
  importance?: ArrayLike<number>,
): number {
  let sum = 0
  const inverse = scale > 0 ? 1 / scale : 0
  for (let i = from; i < to; i++) {
    const level = clamp(roundEven(values[i] * inverse), -zero, most - zero)
    const off = values[i] - scale * level
    sum += (importance ? importance[i - from] : 1) * off * off
  }
  return sum
}
