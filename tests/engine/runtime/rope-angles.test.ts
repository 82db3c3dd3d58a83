/** Rotary angles against the formulas, up to positions where f32 sines would be far off. */
import { describe, expect, it } from 'vitest'
import { type RopeConfig } from '../../../src/main/engine/models/config'
import { inverseFrequencies, ropeAngles } from '../../../src/main/engine/runtime/rope-angles'

const rope = (scaling: RopeConfig['scaling'], dim = 64, theta = 500_000): RopeConfig => ({ theta, dim, scaling })
const plain = (i: number, dim = 64, theta = 500_000) => 1 / Math.pow(theta, (2 * i) / dim)

describe('inverseFrequencies', () => {
  it('are theta^(-2i / dim), also for a rotated part of a head', () => {
    for (const dim of [4, 16, 64])
      inverseFrequencies(rope({ kind: 'none' }, dim)).forEach((f, i) => expect(f / plain(i, dim)).toBeCloseTo(1, 14))
    expect(inverseFrequencies(rope({ kind: 'none' }, 16))).toHaveLength(8)
  })
  it('are divided by a linear factor, or each by its own', () => {
    inverseFrequencies(rope({ kind: 'linear', factor: 8 })).forEach((f, i) =>
      expect((f * 8) / plain(i)).toBeCloseTo(1, 14),
    )
    const factors = Array.from({ length: 32 }, (_, i) => 1 + i / 4)
    inverseFrequencies(rope({ kind: 'factors', factors })).forEach((f, i) =>
      expect((f * factors[i]) / plain(i)).toBeCloseTo(1, 14),
    )
  })
  it('follow Llama 3.1: short waves stay, long ones are stretched, those between move smoothly', () => {
    const scaling = {
      kind: 'llama3',
      factor: 8,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalContextLength: 8192,
    } as const
    const kinds = new Set<string>()
    inverseFrequencies(rope(scaling)).forEach((f, i) => {
      const base = plain(i)
      const wavelength = (2 * Math.PI) / base
      const smooth = (8192 / wavelength - 1) / (4 - 1)
      const [kind, expected] =
        wavelength < 8192 / 4
          ? ['short', base]
          : wavelength > 8192 / 1
            ? ['long', base / 8]
            : ['between', (1 - smooth) * (base / 8) + smooth * base]
      kinds.add(kind)
      expect(f / expected).toBeCloseTo(1, 12)
    })
    expect(kinds).toEqual(new Set(['short', 'between', 'long']))
  })
})

describe('ropeAngles', () => {
  it('are within f32 rounding of the f64 cosine and sine up to position 131,072', () => {
    const frequencies = inverseFrequencies(rope({ kind: 'none' }))
    const positions = [0, 1, 511, 4095, 65_537, 131_071, 131_072]
    const angles = ropeAngles(frequencies, positions)
    expect(angles).toHaveLength(positions.length * 64)
    positions.forEach((position, t) => {
      for (let i = 0; i < 32; i++) {
        const angle = position * plain(i)
        // Half a unit in the last place of a value up to 1, and what two f64 orders of evaluation differ by.
        expect(Math.abs(angles[t * 64 + i] - Math.cos(angle))).toBeLessThan(3e-8 + 1e-9)
        expect(Math.abs(angles[t * 64 + 32 + i] - Math.sin(angle))).toBeLessThan(3e-8 + 1e-9)
      }
    })
  })
})
