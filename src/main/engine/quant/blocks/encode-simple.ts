/** Blocks of 32 weights with one f16 scale: Q4_0 to Q8_0. Layouts in simple-blocks.ts. */
import { clamp, roundEven } from '../rounding'
import { fitAffine, fitSymmetric, putAffineCodes, putSymmetricCodes, type Run } from './fit'
import { putF16 } from './half'

/** Writes the low halves of 32 codes, and their fifth bits where there are any. */
function putCodes(out: Uint8Array, at: number, codes: Uint8Array, fifth: number | null): void {
  for (let j = 0; j < 16; j++) out[at + j] = (codes[j] & 15) | ((codes[j + 16] & 15) << 4)
  if (fifth === null) return
  for (let j = 0; j < 32; j++) out[fifth + (j >> 3)] |= (codes[j] >> 4) << (j & 7)
}

const codes = new Uint8Array(32)

function encodeSymmetric(run: Run, out: Uint8Array, at: number, half: number): void {
  putSymmetricCodes(run, putF16(out, at, fitSymmetric(run, half)), half, codes, 0)
}

function encodeAffine(run: Run, out: Uint8Array, at: number, most: number): void {
  const fitted = fitAffine(run, most, false)
  const stored = { scale: putF16(out, at, fitted.scale), minimum: putF16(out, at + 2, fitted.minimum) }
  putAffineCodes(run, stored, most, codes, 0)
}

export function encodeQ40(run: Run, out: Uint8Array, at: number): void {
  encodeSymmetric(run, out, at, 8)
  putCodes(out, at + 2, codes, null)
}

export function encodeQ41(run: Run, out: Uint8Array, at: number): void {
  encodeAffine(run, out, at, 15)
  putCodes(out, at + 4, codes, null)
}

export function encodeQ50(run: Run, out: Uint8Array, at: number): void {
  encodeSymmetric(run, out, at, 16)
  putCodes(out, at + 6, codes, at + 2)
}

export function encodeQ51(run: Run, out: Uint8Array, at: number): void {
  encodeAffine(run, out, at, 31)
  putCodes(out, at + 8, codes, at + 4)
}

/** The largest weight takes code 127: a search would gain nothing that eight bits show. */
export function encodeQ80({ x, at: from }: Run, out: Uint8Array, at: number): void {
  let largest = 0
  for (let i = from; i < from + 32; i++) largest = Math.max(largest, Math.abs(x[i]))
  const d = putF16(out, at, largest / 127)
  const inverse = d > 0 ? 1 / d : 0
  for (let i = 0; i < 32; i++) out[at + 2 + i] = clamp(roundEven(x[from + i] * inverse), -127, 127)
}
