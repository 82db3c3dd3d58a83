import { join } from 'node:path'
import { expect, it } from 'vitest'
import { viewMatrix } from '../../../src/main/quantize/inspect-matrix'
import { inspectMatrix } from '../../../src/shared/contract/quantize'

const bundled = join(import.meta.dirname, '../../../resources/models/smollm2-135m-instruct')

it('shows a matrix of a block type with the levels of one block, and nothing lost against itself', async () => {
  const { models, ...input } = inspectMatrix.input.parse({ models: [bundled, bundled], name: 'blk.3.attn_k.weight' })
  const view = await viewMatrix(models as [string, string], input)
  const { rows, cols, before, after } = view
  expect({ rows, cols, type: before.type, group: after.group }).toEqual({
    rows: 192,
    cols: 576,
    type: 'q4_1',
    group: 32,
  })
  expect(after.levels.length).toBeGreaterThan(4)
  expect(after.levels.length).toBeLessThanOrEqual(16)
  const steps = after.levels.slice(1).map((level, i) => level - after.levels[i])
  const least = Math.min(...steps)
  for (const step of steps) expect(step / least).toBeCloseTo(Math.round(step / least), 3)
  expect(before.histogram.counts.reduce((sum, n) => sum + n)).toBe(192 * 576)
  expect(view.weightMse).toBe(0)
})
