/** Cases of the kernels that find out what a device can do: runs with tails, a folded grid, chains that converge and that grow. */
import {
  dotInt8 as dotSpec,
  multiplyAdd,
  streamCopy as copySpec,
  streamRead,
} from '../../src/main/engine/kernels/ceilings'
import { dotInt8 } from '../reference/dot-int8'
import { multiplyAdd as multiplyAddTwin } from '../reference/multiply-add'
import { streamCopy } from '../reference/stream-copy'
import { streamRead as streamReadTwin } from '../reference/stream-read'
import { normal, random } from './fill'
import { halfStep, halfTiny, type KernelCase, typed, unit } from './kernel-case'

const wordsOf = (count: number) => {
  const next = random(5)
  return Uint32Array.from({ length: count }, () => next() * 2 ** 32)
}

const streams = [
  { name: 'one vec4', count: 1, run: 4096, groups: 1 },
  { name: 'a run of a prime length, then a shorter one', count: 1201, run: 1009, groups: 2 },
  { name: 'whole rounds of four loads', count: 4096, run: 1024, groups: 4 },
  { name: 'a folded grid', count: 65_537, run: 1, groups: 65_537 },
]

const read: KernelCase[] = [
  ...streams,
  { name: 'the same runs three times and a half', count: 300, run: 128, groups: 10 },
].map(({ name, count, run, groups }) => ({
  kernel: streamRead,
  name,
  because: 'whole numbers come out as they are',
  prepare: ({ lanes }) => {
    const x = wordsOf(count * 4)
    const values = streamReadTwin(x, run, groups, lanes)
    return {
      constants: {},
      values: { count, run, groups },
      buffers: { x, out: new Uint32Array(values.length) },
      expected: [{ output: 'out', type: 'u32', values, allowed: 0 }],
    }
  },
}))

const copy: KernelCase[] = streams.map(({ name, count, run }) => ({
  kernel: copySpec,
  name,
  because: 'whole numbers come out as they are',
  prepare: () => {
    const x = wordsOf(count * 4)
    return {
      constants: {},
      values: { count, run },
      buffers: { x, y: new Uint32Array(x.length) },
      expected: [{ output: 'y', type: 'u32', values: streamCopy(x), allowed: 0 }],
    }
  },
}))

const chains = [
  { name: 'nothing to do', groups: 1, rounds: 0, factor: 0.5, shift: 1 },
  { name: 'converging', groups: 3, rounds: 13, factor: 0.5, shift: 1 },
  { name: 'growing', groups: 2, rounds: 5, factor: 1.25, shift: -0.5 },
  { name: 'as it is used', groups: 2, rounds: 64, factor: 0.999, shift: 0.001 },
]

const numbers = [
  { number: 'f32', error: unit, least: 0, round: Math.fround },
  { number: 'f16', error: halfStep, least: halfTiny, round: Math.f16round },
] as const

const add: KernelCase[] = chains.flatMap(({ name, ...p }) =>
  // Sums that grow to a thousand thousands are past the largest 16-bit float.
  numbers
    .filter(({ number }) => number === 'f32' || name !== 'growing')
    .map(({ number, error, least, round }) => ({
      kernel: multiplyAdd,
      name: `${name}, ${number}`,
      because: 'every one of the 8 * rounds steps rounds twice, and the additions at the end sixteen times',
      devices: number === 'f16' ? ['as it is', '32 lanes'] : undefined,
      prepare: ({ lanes }) => {
        const x = typed(normal()(lanes * 16, 3), number)
        // The numbers that the kernel gets.
        const own = { ...p, factor: round(p.factor), shift: round(p.shift) }
        const values = multiplyAddTwin(x, own)
        const magnitudes = multiplyAddTwin(x.map(Math.abs), { ...own, factor: Math.abs(own.factor), shift: Math.abs(own.shift) }) // prettier-ignore
        const steps = p.rounds * 8
        return {
          constants: { NUMBER: number },
          values: p,
          buffers: { x, out: new Float32Array(values.length) },
          expected: [{ output: 'out', type: 'f32', values, allowed: magnitudes.map((m) => m * error * (2 * steps + 16) + least) }], // prettier-ignore
        }
      },
    })),
)

const dots = [
  { name: 'nothing to do', groups: 1, rounds: 0, factor: 0x01020304 },
  { name: 'sums that wrap', groups: 3, rounds: 13, factor: 0x7f807f80 },
  { name: 'as it is used', groups: 2, rounds: 64, factor: 0x03fd02ff },
]

const dot: KernelCase[] = dots.map(({ name, ...p }) => ({
  kernel: dotSpec,
  name,
  because: 'whole numbers wrap alike everywhere',
  prepare: ({ lanes }) => {
    const x = wordsOf(lanes * 16)
    const values = dotInt8(Int32Array.from(x), p).map((v) => v >>> 0)
    return {
      constants: {},
      values: p,
      buffers: { x, out: new Uint32Array(values.length) },
      expected: [{ output: 'out', type: 'u32', values, allowed: 0 }],
    }
  },
}))

export const cases: KernelCase[] = [...read, ...copy, ...add, ...dot]
