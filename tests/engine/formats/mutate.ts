/** Seeded damage to binary files: what a bad disk, a cut download or an attacker does to them. */
import type { Field } from './byte-writer'

export type Random = () => number

/** Numbers in [0, 1) that are the same for the same seed (mulberry32, Tommy Ettinger). */
export function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const below = (random: Random, limit: number): number => Math.floor(random() * limit)
const pick = <T>(random: Random, items: readonly T[]): T => items[below(random, items.length)]

/** Where signs flip, products overflow, and doubles stop being exact. */
const awkward = [
  0n, 1n, 2n, 7n, 31n, 32n, 255n, 256n, 65_535n, 65_536n, 2n ** 20n, 2n ** 24n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n,
  2n ** 32n, 2n ** 40n, 2n ** 52n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 59n, 2n ** 60n, 2n ** 61n, 2n ** 62n, 2n ** 63n - 1n,
  2n ** 63n, 2n ** 64n - 32n, 2n ** 64n - 1n,
] // prettier-ignore

export interface Seed {
  bytes: Uint8Array
  fields: Field[]
}

type Mutation = (bytes: Uint8Array, random: Random, seed: Seed, others: readonly Seed[]) => Uint8Array

const flipBytes: Mutation = (bytes, random) => {
  const flips = 1 + below(random, 8)
  for (let i = 0; i < flips && bytes.length > 0; i++) bytes[below(random, bytes.length)] ^= 1 << below(random, 8)
  return bytes
}

const truncate: Mutation = (bytes, random) => bytes.subarray(0, below(random, bytes.length + 1))

/** Overwrites one field of the header with an awkward number, or nudges it. */
const setField: Mutation = (bytes, random, seed) => {
  if (seed.fields.length === 0) return flipBytes(bytes, random, seed, [])
  const { offset, bytes: width } = pick(random, seed.fields)
  if (offset + width > bytes.length) return bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, width)
  const value = random() < 0.5 ? pick(random, awkward) : BigInt(view.getUint8(0) + below(random, 9) - 4)
  for (let i = 0; i < width; i++) view.setUint8(i, Number(BigInt.asUintN(8, value >> BigInt(8 * i))))
  return bytes
}

/** Writes an awkward number anywhere. */
const setAnywhere: Mutation = (bytes, random) => {
  if (bytes.length < 8) return bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  view.setBigUint64(below(random, bytes.length - 7), pick(random, awkward), true)
  return bytes
}

/** Puts a piece of another file in, over or instead of a piece of this one. */
const splice: Mutation = (bytes, random, seed, others) => {
  const donor = pick(random, [seed, ...others]).bytes
  const from = below(random, donor.length)
  const piece = donor.subarray(from, from + 1 + below(random, Math.min(200, donor.length - from)))
  const at = below(random, bytes.length + 1)
  const removed = pick(random, [0, piece.length, below(random, 200)])
  return new Uint8Array(Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + removed)]))
}

/** Changes one digit or letter: in a JSON header that leaves the syntax whole. */
const changeLetter: Mutation = (bytes, random) => {
  const at = below(random, Math.min(bytes.length, 2000))
  const digit = bytes[at] >= 0x30 && bytes[at] <= 0x39
  bytes[at] = digit ? 0x30 + below(random, 10) : 0x61 + below(random, 26)
  return bytes
}

const mutations: readonly Mutation[] = [flipBytes, truncate, setField, setField, setAnywhere, splice, changeLetter]

/** A copy of the seed with one to three injuries. */
export function mutate(seed: Seed, others: readonly Seed[], random: Random): Uint8Array {
  let bytes: Uint8Array = seed.bytes.slice()
  const injuries = 1 + below(random, 3)
  for (let i = 0; i < injuries; i++) bytes = pick(random, mutations)(bytes, random, seed, others)
  return bytes
}
