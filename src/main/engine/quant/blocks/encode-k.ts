/**
 * K-blocks: 256 weights in groups whose scales (and minima) are small integers under one or two f16 scales. Layouts in
 * k-blocks.ts. First each group's own fit; then the integers next to it; then integers and f16 scales in turn, each the best for
 * the other, as long as the block's loss falls.
 */
import { clamp, roundEven, toHalf } from '../rounding'
import {
  type Affine,
  affineLoss,
  fitAffine,
  fitSymmetric,
  putAffineCodes,
  putSymmetricCodes,
  type Run,
  symmetricLoss,
} from './fit'
import { putF16 } from './half'

const rounds = 3
const codes = new Uint8Array(256)

const groupRun = (run: Run, group: number, size: number): Run => ({
  ...run,
  at: run.at + group * size,
  weightAt: run.weightAt + group * size,
  count: size,
})

interface AffineBlock {
  d: number
  dmin: number
  scales: Uint8Array
  minima: Uint8Array
}

/** `most`: largest code; `limit`: largest integer of scales and minima. Fills `codes`. */
function solveAffine(run: Run, size: number, most: number, limit: number): AffineBlock {
  const groups = 256 / size
  const runs = Array.from({ length: groups }, (_, g) => groupRun(run, g, size))
  const fits = runs.map((r) => fitAffine(r, most, true))
  let d = toHalf(Math.max(...fits.map((f) => f.scale)) / limit)
  let dmin = toHalf(Math.max(...fits.map((f) => -f.minimum)) / limit)
  const near = (value: number, unit: number) => (unit > 0 ? clamp(roundEven(value / unit), 0, limit) : 0)
  let best: AffineBlock = {
    d,
    dmin,
    scales: Uint8Array.from(fits, (f) => near(f.scale, d)),
    minima: Uint8Array.from(fits, (f) => near(-f.minimum, dmin)),
  }
  let least = Infinity
  for (let round = 0; round < rounds; round++) {
    const next: AffineBlock = { d, dmin, scales: best.scales.slice(), minima: best.minima.slice() }
    let loss = 0
    for (let g = 0; g < groups; g++) loss += chooseIntegers(runs[g], next, g, most, limit)
    if (!(loss < least)) break
    least = loss
    best = next
    const refit = refitScales(runs, best, most)
    if (!refit) break
    ;[d, dmin] = refit
  }
  for (let g = 0; g < groups; g++)
    putAffineCodes(runs[g], affineOf(best, best.scales[g], best.minima[g]), most, codes, g * size)
  return best
}

const affineOf = ({ d, dmin }: AffineBlock, scale: number, minimum: number): Affine => ({
  scale: d * scale,
  minimum: -dmin * minimum,
})

/** The best of a group's integers and those next to them; their loss. */
function chooseIntegers(run: Run, block: AffineBlock, g: number, most: number, limit: number): number {
  const [s0, m0] = [block.scales[g], block.minima[g]]
  let least = Infinity
  for (let s = Math.max(s0 - 1, 0); s <= Math.min(s0 + 1, limit); s++)
    for (let m = Math.max(m0 - 1, 0); m <= Math.min(m0 + 1, limit); m++) {
      const loss = affineLoss(run, affineOf(block, s, m), most)
      if (loss < least) {
        least = loss
        block.scales[g] = s
        block.minima[g] = m
      }
    }
  return least
}

/** The f16 scales that least squares gives to the block's codes and integers; null where the codes do not tell them apart. */
function refitScales(runs: Run[], block: AffineBlock, most: number): [number, number] | null {
  // x ~ d * a - dmin * b with a = scale * code and b = minimum.
  let [aa, ab, bb, ax, bx] = [0, 0, 0, 0, 0]
  runs.forEach(({ x, at, count, weight, weightAt }, g) => {
    const { scale, minimum } = affineOf(block, block.scales[g], block.minima[g])
    const inverse = scale > 0 ? 1 / scale : 0
    for (let i = 0; i < count; i++) {
      const v = x[at + i]
      const a = block.scales[g] * clamp(roundEven((v - minimum) * inverse), 0, most)
      const b = block.minima[g]
      const w = weight[weightAt + i]
      aa += w * a * a
      ab += w * a * b
      bb += w * b * b
      ax += w * a * v
      bx += w * b * v
    }
  })
  const determinant = aa * bb - ab * ab
  if (!(determinant > 0)) return aa > 0 && bb === 0 ? [toHalf(ax / aa), block.dmin] : null
  const d = toHalf((bb * ax - ab * bx) / determinant)
  const dmin = toHalf((ab * ax - aa * bx) / determinant)
  return d > 0 && dmin >= 0 ? [d, dmin] : null
}

interface SymmetricBlock {
  d: number
  scales: Int8Array
}

/** `half`: codes are -half..half - 1; `limit`: scales are -limit..limit - 1. Fills `codes`, raised by half. */
function solveSymmetric(run: Run, half: number, limit: number): SymmetricBlock {
  const runs = Array.from({ length: 16 }, (_, g) => groupRun(run, g, 16))
  const fits = runs.map((r) => fitSymmetric(r, half))
  const largest = fits.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0)
  let d = toHalf(-largest / limit)
  const near = (value: number) => (d !== 0 ? clamp(roundEven(value / d), -limit, limit - 1) : 0)
  let best: SymmetricBlock = { d, scales: Int8Array.from(fits, near) }
  let least = Infinity
  for (let round = 0; round < rounds; round++) {
    const next: SymmetricBlock = { d, scales: best.scales.slice() }
    let loss = 0
    for (let g = 0; g < 16; g++) loss += chooseScale(runs[g], next, g, half, limit)
    if (!(loss < least)) break
    least = loss
    best = next
    const refit = refitScale(runs, best, half)
    if (refit === 0) break
    d = refit
  }
  runs.forEach((own, g) => putSymmetricCodes(own, best.d * best.scales[g], half, codes, g * 16))
  return best
}

function chooseScale(run: Run, block: SymmetricBlock, g: number, half: number, limit: number): number {
  const s0 = block.scales[g]
  let least = Infinity
  for (let s = Math.max(s0 - 1, -limit); s <= Math.min(s0 + 1, limit - 1); s++) {
    const loss = symmetricLoss(run, block.d * s, half)
    if (loss < least) {
      least = loss
      block.scales[g] = s
    }
  }
  return least
}

function refitScale(runs: Run[], block: SymmetricBlock, half: number): number {
  let [aa, ax] = [0, 0]
  runs.forEach(({ x, at, count, weight, weightAt }, g) => {
    const scale = block.d * block.scales[g]
    const inverse = scale !== 0 ? 1 / scale : 0
    for (let i = 0; i < count; i++) {
      const a = block.scales[g] * clamp(roundEven(x[at + i] * inverse), -half, half - 1)
      const w = weight[weightAt + i]
      aa += w * a * a
      ax += w * a * x[at + i]
    }
  })
  return aa > 0 ? toHalf(ax / aa) : 0
}

/** Two bits of each code, from `bit` on: bytes of four runs of 32 in each half. */
function putPairs(out: Uint8Array, at: number, bit: number): void {
  for (let i = 0; i < 256; i++) out[at + ((i >> 7) << 5) + (i & 31)] |= ((codes[i] >> bit) & 3) << (2 * ((i >> 5) & 3))
}

/** One bit of each code: bit g of byte j belongs to weight j of run g. */
function putBits(out: Uint8Array, at: number, bit: number): void {
  for (let i = 0; i < 256; i++) out[at + (i & 31)] |= ((codes[i] >> bit) & 1) << (i >> 5)
}

/** Low halves: 32 bytes hold 64 weights. */
function putHalves(out: Uint8Array, at: number): void {
  for (let i = 0; i < 256; i++) out[at + ((i >> 6) << 5) + (i & 31)] |= (codes[i] & 15) << (4 * ((i >> 5) & 1))
}

export function encodeQ2K(run: Run, out: Uint8Array, at: number): void {
  const { d, dmin, scales, minima } = solveAffine(run, 16, 3, 15)
  for (let g = 0; g < 16; g++) out[at + g] = scales[g] | (minima[g] << 4)
  putPairs(out, at + 16, 0)
  putF16(out, at + 80, d)
  putF16(out, at + 82, dmin)
}

export function encodeQ3K(run: Run, out: Uint8Array, at: number): void {
  const { d, scales } = solveSymmetric(run, 4, 32)
  putBits(out, at, 2)
  putPairs(out, at + 32, 0)
  for (let g = 0; g < 16; g++) {
    const s = scales[g] + 32
    out[at + 96 + (g & 7)] |= (s & 15) << (4 * (g >> 3))
    out[at + 104 + (g & 3)] |= (s >> 4) << (2 * (g >> 2))
  }
  putF16(out, at + 108, d)
}

/** Eight 6-bit scales and minima in 12 bytes. */
function putSixBits(out: Uint8Array, at: number, { d, dmin, scales, minima }: AffineBlock): void {
  putF16(out, at, d)
  putF16(out, at + 2, dmin)
  for (let g = 0; g < 4; g++) {
    out[at + 4 + g] = scales[g] | ((scales[g + 4] >> 4) << 6)
    out[at + 8 + g] = minima[g] | ((minima[g + 4] >> 4) << 6)
    out[at + 12 + g] = (scales[g + 4] & 15) | ((minima[g + 4] & 15) << 4)
  }
}

export function encodeQ4K(run: Run, out: Uint8Array, at: number): void {
  putSixBits(out, at, solveAffine(run, 32, 15, 63))
  putHalves(out, at + 16)
}

export function encodeQ5K(run: Run, out: Uint8Array, at: number): void {
  putSixBits(out, at, solveAffine(run, 32, 31, 63))
  putBits(out, at + 16, 4)
  putHalves(out, at + 48)
}

export function encodeQ6K(run: Run, out: Uint8Array, at: number): void {
  const { d, scales } = solveSymmetric(run, 32, 128)
  for (let i = 0; i < 256; i++) out[at + ((i >> 7) << 6) + (i & 63)] |= (codes[i] & 15) << (4 * ((i >> 6) & 1))
  putPairs(out, at + 128, 4)
  for (let g = 0; g < 16; g++) out[at + 192 + g] = scales[g]
  putF16(out, at + 208, d)
}
