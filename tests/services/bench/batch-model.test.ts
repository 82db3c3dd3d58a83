import { expect, it } from 'vitest'
import { batchReport, kneeOf } from '../../../src/main/bench/batch-model'
import { type BenchResult } from '../../../src/shared/contract/bench'

/** A million weights of 16 bits; 2 MB at 1 GB/s are 2 ms, 2 million operations at 1 GFLOP/s 2 ms: B* is 1. */
const cost = {
  body: { weights: 900_000, bytes: 1_800_000 },
  head: { weights: 100_000, bytes: 200_000 },
  kvBytesPerToken: 0,
  attention: 0,
}
const result = (name: string, value: number): BenchResult => ({
  name,
  value,
  unit: 'tokens/s',
  roofline: 1,
  ratio: 1,
  spread: 0.25,
})

it('B* is where arithmetic takes as long as moving the weights', () => {
  const limits = { gigabytesPerSecond: 1, gigaflopsPerSecond: 8 }
  const report = batchReport(
    'm',
    cost,
    0,
    [result('batch_2', 800), result('batch_1', 400), result('decode', 1)],
    limits,
  )
  expect(report).toMatchObject({ bitsPerWeight: 16, predictedBatch: 8, flopsPerToken: 2e6, weightBytes: 2e6 })
  expect(report?.points).toEqual([
    { batch: 1, tokensPerSecond: 400, spread: 0.25, stepMs: 2.5, computeMs: 0.25, transferMs: 2 },
    { batch: 2, tokensPerSecond: 800, spread: 0.25, stepMs: 2.5, computeMs: 0.5, transferMs: 2 },
  ])
  expect(batchReport('m', cost, 0, [result('decode', 1)], limits)).toBeNull()
})

it('the knee of steps as the model has them is B*', () => {
  const steps = [1, 2, 4, 8, 16, 32].map((batch) => ({ batch, stepMs: Math.max(2, batch * 0.25) }))
  expect(kneeOf(steps)).toBeCloseTo(8)
  expect(kneeOf(steps.slice(0, 3))).toBeNull()
  expect(kneeOf(steps.slice(0, 1))).toBeNull()
})
