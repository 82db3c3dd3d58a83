/**
 * What batching should bring, by the roofline's arithmetic: a step takes at least as long as its operations at the peak rate, which grow
 * with the batch, and as moving the weights once, which does not. Where the two meet is the batch from which on the device computes
 * rather than waits for memory, B* = (weights / bandwidth) / (operations a token / rate).
 */
import { type BatchReport, type BenchResult } from '../../shared/contract/bench'
import { type Ceilings, type ModelCost, passWork } from './roofline'

const sizeOf = (name: string) => Number(/^batch_(\d+)$/.exec(name)?.[1])

/** `cached`: tokens in the cache of each sequence. null where no batch was measured. */
export function batchReport(
  model: string,
  cost: ModelCost,
  cached: number,
  results: readonly BenchResult[],
  limits: Ceilings,
): BatchReport | null {
  const own = results.filter(({ name }) => !Number.isNaN(sizeOf(name)))
  if (own.length === 0) return null
  const one = passWork(cost, { tokens: 1, logits: 1, pairs: cached, cached: 0 })
  const computeMs = one.flops / limits.gigaflopsPerSecond / 1e6
  const transferMs = one.bytes / limits.gigabytesPerSecond / 1e6
  const points = own
    .map(({ name, value, spread }) => ({ batch: sizeOf(name), tokensPerSecond: value, spread }))
    .sort((a, b) => a.batch - b.batch)
    .map((point) => ({
      ...point,
      stepMs: (point.batch * 1e3) / point.tokensPerSecond,
      computeMs: computeMs * point.batch,
      transferMs,
    }))
  const weights = cost.body.weights + cost.head.weights
  return {
    model,
    bitsPerWeight: (8 * one.bytes) / weights,
    flopsPerToken: one.flops,
    weightBytes: one.bytes,
    predictedBatch: transferMs / computeMs,
    measuredKnee: kneeOf(points),
    points,
  }
}

/**
 * Where the measured step's two straight parts meet: as long as at batch 1, and growing as it does between the two largest batches. With
 * steps as the model has them this is B*. null with fewer than two batches, and
 * where it lies beyond the largest: the time does not grow enough to tell.
 */
export function kneeOf(points: readonly { batch: number; stepMs: number }[]): number | null {
  const [last, before] = [points.at(-1), points.at(-2)]
  if (!last || !before || points[0].batch !== 1) return null
  const slope = (last.stepMs - before.stepMs) / (last.batch - before.batch)
  const knee = points[0].stepMs / slope
  return slope > 0 && knee <= last.batch ? knee : null
}
