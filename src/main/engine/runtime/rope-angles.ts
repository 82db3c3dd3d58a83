/** Cosines and sines of rotary positions, in f64 on the host: drivers' sine loses precision at far positions. */
import { type RopeConfig } from '../models/config'

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

/** [positions, dim]: for each position dim / 2 cosines, then dim / 2 sines. */
export function ropeAngles(frequencies: number[], positions: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const half = frequencies.length
  const out = new Float32Array(positions.length * half * 2)
  for (let t = 0; t < positions.length; t++)
    for (let i = 0; i < half; i++) {
      const angle = positions[t] * frequencies[i]
      out[t * half * 2 + i] = Math.cos(angle)
      out[t * half * 2 + half + i] = Math.sin(angle)
    }
  return out
}
