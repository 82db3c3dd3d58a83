/** How numbers are rounded on their way into codes and stored scales. */

/** 1.5 * 2^52: adding it leaves no bits for a fraction, and the sum is rounded as IEEE 754 rounds. */
const magic = 6755399441055744

/** The nearest integer, ties to the even one, as torch.round and np.rint give it; for magnitudes below 2^51. */
export const roundEven = (x: number): number => x + magic - magic

const half = new Float16Array(1)

/** The f16 nearest to x. */
export function toHalf(x: number): number {
  half[0] = x
  return half[0]
}

/** Precision that scales are stored in: what is kept is what codes are chosen for. */
export type ScaleType = 'f16' | 'f32'

export const toScale = (type: ScaleType): ((x: number) => number) => (type === 'f16' ? toHalf : Math.fround)

export const clamp = (x: number, low: number, high: number): number => (x < low ? low : x > high ? high : x)
