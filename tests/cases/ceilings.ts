/** Cases of the kernels that find out what a device can do: runs with tails, a folded grid, chains that converge and that grow. */
import { multiplyAdd, streamRead } from '../../src/main/engine/kernels/ceilings'
import { multiplyAdd as multiplyAddTwin } from '../reference/multiply-add'
import { streamRead as streamReadTwin } from '../reference/stream-read'
import { normal, random } from './fill'
import { type KernelCase, unit } from './kernel-case'

const streams = [
  { name: 'one vec4', count: 1, run: 4096 },
  { name: 'a run of a prime length, then a shorter one', count: 1201, run: 1009 },
  { name: 'whole rounds of four loads', count: 4096, run: 1024 },
  { name: 'a folded grid', count: 65_537, run: 1 },
]

const read: KernelCase[] = streams.map(({ name, count, run }) => ({
  kernel: streamRead,
  name,
  because: 'whole numbers come out as they are',
  prepare: ({ lanes }) => {
    const next = random(5)
    const x = Uint32Array.from({ length: count * 4 }, () => next() * 2 ** 32)
    const values = streamReadTwin(x, run, lanes)
    return {
      constants: {},
      values: { count, run },
      buffers: { x, out: new Uint32Array(values.length) },
      expected: [{ output: 'out', type: 'u32', values, allowed: 0 }],
    }
  },
}))

const chains = [
  { name: 'nothing to do', groups: 1, rounds: 0, factor: 0.5, shift: 1 },
  { name: 'converging', groups: 3, rounds: 13, factor: 0.5, shift: 1 },
  { name: 'growing', groups: 2, rounds: 5, factor: 1.25, shift: -0.5 },
  { name: 'as it is used', groups: 2, rounds: 64, factor: 0.999, shift: 0.001 },
]

const add: KernelCase[] = chains.map(({ name, ...p }) => ({
  kernel: multiplyAdd,
  name,
  because: 'every one of the 8 * rounds steps rounds twice, and the additions at the end sixteen times',
  prepare: ({ lanes }) => {
    const x = normal()(lanes * 16, 3)
    // The f32 numbers that the kernel gets.
    const own = { ...p, factor: Math.fround(p.factor), shift: Math.fround(p.shift) }
    const values = multiplyAddTwin(x, own)
    const magnitudes = multiplyAddTwin(x.map(Math.abs), { ...own, factor: Math.abs(own.factor), shift: Math.abs(own.shift) }) // prettier-ignore
    const steps = p.rounds * 8
    return {
      constants: {},
      values: p,
      buffers: { x, out: new Float32Array(values.length) },
      expected: [{ output: 'out', type: 'f32', values, allowed: magnitudes.map((m) => m * unit * (2 * steps + 16)) }],
    }
  },
}))

export const cases: KernelCase[] = [...read, ...add]
