/** Cosines and sines of rotary positions, in f64 on the host: drivers' sine loses precision at far positions. */
import { type RopeConfig, type YarnScaling } from '../models/config'
import { paddedRopeDim } from '../models/padding'

/**
 * Angle per position of each of the dim / 2 rotated pairs: theta^(-2i / dim), scaled as the model says.
 * llama3 scaling: Llama 3.1's rule, arXiv 2407.21783 and its reference code.
 */
export function inverseFrequencies(rope: RopeConfig): number[] {
  const { theta, dim, scaling } = rope
  const plain = Array.from({ length: dim / 2 }, (_, i) => theta ** ((-2 * i) / dim))
  switch (scaling.kind) {
    case 'none':
      return plain
    case 'linear':
      return plain.map((f) => f / scaling.factor)
    case 'factors':
      return plain.map((f, i) => f / scaling.factors[i])
    case 'yarn':
      return yarnFrequencies(rope, plain, scaling)
    case 'llama3':
      return plain.map((f) => {
        const rotations = (scaling.originalContextLength * f) / (2 * Math.PI)
        if (rotations < scaling.lowFreqFactor) return f / scaling.factor
        if (rotations > scaling.highFreqFactor) return f
        const smooth = (rotations - scaling.lowFreqFactor) / (scaling.highFreqFactor - scaling.lowFreqFactor)
        return ((1 - smooth) * f) / scaling.factor + smooth * f
      })
  }
}

/** Between the dimensions that rotate betaFast and betaSlow times in the original context, from kept to interpolated in a ramp. */
function yarnFrequencies({ theta, dim }: RopeConfig, plain: number[], yarn: YarnScaling): number[] {
  const dimensionOf = (rotations: number): number =>
    (dim * Math.log(yarn.originalContextLength / (rotations * 2 * Math.PI))) / (2 * Math.log(theta))
  const [fast, slow] = [dimensionOf(yarn.betaFast), dimensionOf(yarn.betaSlow)]
  const low = Math.max(yarn.truncate ? Math.floor(fast) : fast, 0)
  const high = Math.min(yarn.truncate ? Math.ceil(slow) : slow, dim - 1)
  return plain.map((f, i) => {
    const ramp = Math.min(1, Math.max(0, (i - low) / (high === low ? 0.001 : high - low)))
    return f * (1 - ramp) + (f / yarn.factor) * ramp
  })
}

/** What all cosines and sines of a rope are multiplied by. */
export const angleMagnitude = ({ scaling }: RopeConfig): number =>
  scaling.kind === 'yarn' ? scaling.attentionFactor : 1

/** Those of a head with its padding (models/padding): what is only there to fill stands still. */
export function paddedFrequencies(rope: RopeConfig): number[] {
  const still = new Array<number>((paddedRopeDim(rope.dim) - rope.dim) / 2).fill(0)
  return [...inverseFrequencies(rope), ...still]
}

/** [positions, dim]: for each position dim / 2 cosines, then dim / 2 sines, all times `magnitude`. */
export function ropeAngles(
  frequencies: number[],
  positions: ArrayLike<number>,
  magnitude = 1,
): Float32Array<ArrayBuffer> {
  const half = frequencies.length
  const out = new Float32Array(positions.length * half * 2)
  for (let t = 0; t < positions.length; t++)
    for (let i = 0; i < half; i++) {
      const angle = positions[t] * frequencies[i]
      out[t * half * 2 + i] = Math.cos(angle) * magnitude
      out[t * half * 2 + half + i] = Math.sin(angle) * magnitude
    }
  return out
}
