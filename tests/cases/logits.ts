/** Cases of the kernels between logits and tokens. */
import {
  adjustLogits as adjustSpec,
  logitSlices,
  logitsSlices as slicesSpec,
  tokenLoss as lossSpec,
  topKCapacity,
  topKCollect as collectSpec,
  topKThreshold as thresholdSpec,
} from '../../src/main/engine/kernels/logits'
import { adjustLogits } from '../reference/adjust-logits'
import { logitsSlices } from '../reference/logits-slices'
import { tokenLoss } from '../reference/token-loss'
import { topKCollect } from '../reference/top-k-collect'
import { topKThreshold } from '../reference/top-k-threshold'
import { constant, normal, outliers, random, type Fill } from './fill'
import { unit, type KernelCase, type KernelRun } from './kernel-case'

interface RowsCase {
  name: string
  rows: number
  vocab: number
  stride: number
  fill?: Fill
}

/** Some of the numbers replaced by `value`. */
const sprinkled =
  (value: number, every: number): Fill =>
  (count, seed) =>
    normal(3)(count, seed).map((v, i) => (i % every === 1 ? value : v))

/** Few different values, so that every maximum is shared. */
const ties: Fill = (count, seed) => normal(2)(count, seed).map(Math.round)

const shapes: RowsCase[] = [
  { name: 'one logit', rows: 1, vocab: 1, stride: 4 },
  { name: 'fewer logits than slices', rows: 2, vocab: 101, stride: 104 },
  { name: 'a prime vocabulary, outliers', rows: 3, vocab: 10_007, stride: 10_008, fill: outliers },
  { name: 'ties', rows: 2, vocab: 4096, stride: 4096, fill: ties },
  { name: 'all the same', rows: 1, vocab: 1000, stride: 1000, fill: constant(-2.5) },
  { name: 'banned tokens (-inf)', rows: 2, vocab: 3000, stride: 3000, fill: sprinkled(-Infinity, 2) },
  { name: 'very negative', rows: 1, vocab: 3000, stride: 3000, fill: normal(1e20) },
]
const notNumbers: RowsCase = { name: 'NaN never wins', rows: 2, vocab: 3001, stride: 3004, fill: sprinkled(NaN, 3) }

function rowsOf({ rows, vocab, stride, fill = normal(4) }: RowsCase) {
  const logits = fill(rows * stride, 1)
  return { logits, each: Array.from({ length: rows }, (_, r) => logits.subarray(r * stride, r * stride + vocab)) }
}

/** Roundings of a sum of `terms` exponentials in any order, each itself off by a few; far smaller ones do not matter. */
const sumError = (terms: number) => unit * (40 + Math.sqrt(terms))

function slices(c: RowsCase): KernelRun {
  const { logits, each } = rowsOf(c)
  const expected = each.flatMap((row) => logitsSlices(row, logitSlices))
  const sums = expected.map((s) => s.sum)
  const at = { output: 'slices', stride: 4 }
  return {
    constants: { SLICES: logitSlices },
    values: { rows: c.rows, vocab: c.vocab, stride: c.stride },
    buffers: { logits, slices: new Float32Array(c.rows * logitSlices * 4) },
    expected: [
      { ...at, type: 'f32', values: expected.map((s) => Math.fround(s.maximum)), allowed: 0 },
      { ...at, type: 'u32', first: 1, values: expected.map((s) => s.at), allowed: 0 },
      { ...at, type: 'f32', first: 2, values: sums, allowed: sums.map((s) => s * sumError(c.vocab / logitSlices)) },
    ],
  }
}

function threshold(rows: number, k: number, fill: Fill): KernelRun {
  const maxima = fill(rows * logitSlices, 1)
  const data = new Float32Array(maxima.length * 4).map((_, i) => (i % 4 === 0 ? maxima[i / 4] : 7))
  const row = (r: number) => maxima.subarray(r * logitSlices, (r + 1) * logitSlices)
  return {
    constants: { SLICES: logitSlices },
    values: { rows, k },
    buffers: { slices: data, thresholds: new Float32Array(rows), counts: new Uint32Array(rows).fill(99) },
    expected: [
      { output: 'thresholds', type: 'f32', values: Array.from({ length: rows }, (_, r) => topKThreshold(row(r), k)), allowed: 0 },
      { output: 'counts', type: 'u32', values: new Array<number>(rows).fill(0), allowed: 0 },
    ],
  } // prettier-ignore
}

/** Candidates of a row in ascending order of ids, for those that were written. */
const byId =
  (found: number[]) =>
  (bytes: ArrayBuffer): ArrayBuffer => {
    const words = new Uint32Array(bytes)
    const out = new Uint32Array(words.length)
    found.forEach((count, row) => {
      const own = Array.from({ length: Math.min(count, topKCapacity) }, (_, i) => (row * topKCapacity + i) * 2)
      own.sort((a, b) => words[a] - words[b])
      own.forEach((at, i) => out.set(words.subarray(at, at + 2), (row * topKCapacity + i) * 2))
    })
    return out.buffer
  }

function collect(c: RowsCase, thresholds: Float32Array<ArrayBuffer>): KernelRun {
  const { logits, each } = rowsOf(c)
  const found = each.map((row, r) => topKCollect(row, thresholds[r]))
  const pairs = new Float32Array(c.rows * topKCapacity * 2)
  const bits = new Uint32Array(pairs.buffer)
  found.forEach((ids, r) => {
    if (ids.length > topKCapacity) return
    ids.forEach((id, i) => {
      bits[(r * topKCapacity + i) * 2] = id
      pairs[(r * topKCapacity + i) * 2 + 1] = each[r][id]
    })
  })
  const counts = found.map((ids) => ids.length)
  const overflown = counts.some((count) => count > topKCapacity)
  return {
    constants: { CAPACITY: topKCapacity },
    values: { rows: c.rows, vocab: c.vocab, stride: c.stride },
    buffers: {
      logits,
      thresholds,
      counts: new Uint32Array(c.rows),
      candidates: new Uint32Array(c.rows * topKCapacity * 2),
    },
    expected: [
      { output: 'counts', type: 'u32', values: counts, allowed: 0 },
      // Which candidates a full list holds is not defined.
      ...(overflown ? [] : [{ output: 'candidates', type: 'u32' as const, values: bits, allowed: 0, ordered: byId(counts) }]),
    ],
  } // prettier-ignore
}

function loss(c: RowsCase): KernelRun {
  const { logits, each } = rowsOf(c)
  const next = random(9)
  const targets = Uint32Array.from({ length: c.rows }, () => Math.floor(next() * c.vocab))
  const expected = each.map((row, r) => tokenLoss(row, targets[r]))
  const allowed = each.map((row, r) => {
    const largest = row.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 0)
    return sumError(c.vocab) + (largest + Math.abs(row[targets[r]])) * 4 * unit
  })
  return {
    constants: {},
    values: { rows: c.rows, vocab: c.vocab, stride: c.stride },
    buffers: { logits, targets, losses: new Float32Array(c.rows) },
    expected: [{ output: 'losses', type: 'f32', values: expected, allowed }],
  }
}

function adjust(count: number, size: number): KernelRun {
  const logits = normal(4)(size, 1)
  const next = random(3)
  const entries = Array.from({ length: count }, (_, i) => ({
    at: size - 1 - i,
    penalty: Math.fround(1 + next()),
    offset: i % 11 === 3 ? -Infinity : Math.fround(next() * 4 - 2),
  }))
  const words = new Float32Array(count * 4)
  const bits = new Uint32Array(words.buffer)
  entries.forEach(({ at, penalty, offset }, i) => {
    bits[i * 4] = at
    words[i * 4 + 1] = penalty
    words[i * 4 + 2] = offset
  })
  const expected = adjustLogits(logits, entries)
  const allowed = expected.map((v, i) =>
    i < size - count ? 0 : (Math.abs(logits[i]) * 2 + 2 + Math.abs(v)) * 4 * unit,
  )
  return {
    constants: {},
    values: { count },
    buffers: { entries: words, logits },
    expected: [{ output: 'logits', type: 'f32', values: expected, allowed }],
  }
}

const exact = 'numbers are compared or copied, not computed'
const perLane = ['as it is', '32 lanes'] as const

const thresholdFills: [string, Fill][] = [
  ['different maxima', normal(5)],
  ['ties', ties],
  ['all the same', constant(1)],
  ['empty slices', sprinkled(-1e30, 2)],
]

const thresholdCases = thresholdFills.flatMap(([name, fill]) =>
  [1, 2, 40, 127, 256].map((k): KernelCase => ({
    kernel: thresholdSpec,
    name: `${name}, k = ${k}`,
    because: exact,
    devices: perLane,
    prepare: () => threshold(3, k, fill),
  })),
) // prettier-ignore

const collectCases: KernelCase[] = [
  ...shapes.map((c) => ({ c, name: c.name, bound: 1.5 })),
  { c: shapes[2], name: 'more than fit', bound: -1 },
  { c: shapes[4], name: 'all reach it, by being equal', bound: -2.5 },
  { c: shapes[2], name: 'none', bound: 1e9 },
  { c: notNumbers, name: 'NaN is no candidate', bound: 2 },
].map(({ c, name, bound }) => ({
  kernel: collectSpec,
  name: `${name}, at least ${bound}`,
  because: exact,
  devices: perLane,
  prepare: () => collect(c, new Float32Array(c.rows).fill(bound)),
}))

export const cases: KernelCase[] = [
  ...[...shapes, notNumbers].map((c) => ({
    kernel: slicesSpec,
    name: c.name,
    because: 'maxima are exact; a sum of exponentials below 1 is off by a rounding for the square root of its terms, exp by a few more',
    prepare: () => slices(c),
  })),
  ...thresholdCases,
  ...collectCases,
  ...[...shapes, { name: 'more rows than a grid has workgroups on one side', rows: 70_001, vocab: 3, stride: 4 }, { ...notNumbers, name: 'NaN stays NaN' }].map((c) => ({
    kernel: lossSpec,
    name: c.name,
    because: 'the sum as in logits_slices, and two roundings of the largest logit and of the target’s',
    prepare: () => loss(c),
  })),
  ...[
    { name: 'one entry', count: 1, size: 4 },
    { name: 'some of the logits', count: 301, size: 1000 },
    { name: 'more workgroups than one side of a grid', count: 8 * 65_600, size: 8 * 65_600 },
  ].map(({ name, count, size }) => ({
    kernel: adjustSpec,
    name,
    because: 'a division of 2.5 roundings (WGSL) and an addition; other logits stay as they are',
    devices: perLane,
    prepare: () => adjust(count, size),
  })),
] // prettier-ignore
