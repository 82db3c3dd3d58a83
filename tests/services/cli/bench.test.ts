/** moru bench: names, units and consistency; what the figures are is the machine's business. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BenchReport } from '../../../src/shared/contract/bench'
import { openStore } from '../../../src/main/store'
import { built, moru, moruJson, temporaryProfile } from './moru'

const { profile, remove } = temporaryProfile()
const own = ['--profile', profile]
beforeAll(built, 300_000)
afterAll(remove)

/**
 * Of a weight with its share of scales: blocks of 32 with a scale of f16 (4, 5 and 8 bits; a minimum for 4 and 5), and groups of 64
 * with a scale and a zero of f16 (2, 3 and 6 bits) or a scale of f32 (codebooks).
 */
const bits: Record<string, number> = {
  q2: 2.5, q3: 3.5, q4: 5, q5: 6, q6: 6.5, q8: 8.5, nf4: 4.5, fp4: 4.5, f16: 16, bf16: 16, f32: 32,
} // prettier-ignore
const formats = Object.keys(bits)

function expectConsistent({ device, ceilings, results }: BenchReport): void {
  expect(Object.keys(device)).toEqual(['adapter', 'driver', 'backend', 'software'])
  expect(ceilings.map(({ name, unit }) => [name, unit])).toEqual([
    ['stream_read', 'GB/s'],
    ['multiply_add', 'GFLOP/s'],
  ])
  for (const { value, spread } of ceilings) {
    expect(value).toBeGreaterThan(0.1)
    expect(spread).toBeGreaterThanOrEqual(0)
  }
  for (const { value, roofline, ratio, name, unit } of results) {
    expect(value, name).toBeGreaterThan(0)
    expect(ratio, name).toBeCloseTo(unit === 'ms' ? roofline / value : value / roofline, 9)
  }
}

it('measures matrix products of every weight format', { timeout: 180_000 }, async () => {
  const report = await moruJson<BenchReport>(['bench', 'matmul', '--repetitions', '1', ...own])
  expectConsistent(report)
  expect(report.results.map(({ name }) => name)).toEqual([
    ...formats.map((format) => `matmul_${format}`),
    ...formats.map((format) => `matvec_${format}`),
  ])
  const [{ value: gigabytes }, { value: gigaflops }] = report.ceilings
  for (const { name, unit, roofline } of report.results) {
    expect(unit).toBe('GFLOP/s')
    const [kind, format] = name.split('_')
    const [tokens, rows, cols] = kind === 'matmul' ? [512, 2048, 2048] : [1, 24_576, 576]
    const bytes = (rows * cols * bits[format]) / 8 + 4 * tokens * (rows + cols)
    const byMemory = (2 * tokens * rows * cols * gigabytes) / bytes
    expect(roofline / Math.min(gigaflops, byMemory), name).toBeCloseTo(1, 6)
  }
})

it('measures a model, and keeps the run', { timeout: 300_000 }, async () => {
  const report = await moruJson<BenchReport>([
    'bench',
    'decode,batch',
    '--batch-sizes',
    '1,2,4',
    '--repetitions',
    '1',
    ...own,
  ])
  expectConsistent(report)
  expect(report.results.map(({ name, unit }) => [name, unit])).toEqual(
    ['decode', 'batch_1', 'batch_2', 'batch_4'].map((name) => [name, 'tokens/s']),
  )
  expect(report.batch?.points.map((p) => p.batch)).toEqual([1, 2, 4])
  const [{ value: gigabytes }, { value: gigaflops }] = report.ceilings
  const { flopsPerToken, weightBytes, predictedBatch } = report.batch!
  expect(predictedBatch).toBeCloseTo(weightBytes / gigabytes / (flopsPerToken / gigaflops), 6)
  const store = openStore(profile)
  const [run] = store.runs.list(1)
  store.close()
  expect(run).toMatchObject({ kind: 'bench', state: 'done', title: 'decode, batch', parameters: { repetitions: 1 } })
  expect(run.result).toEqual(report)
})

it('measures embedding and search', { timeout: 180_000 }, async () => {
  const args = ['bench', 'embed', 'search', '--vectors', '2000', '--repetitions', '1', ...own]
  const report = await moruJson<BenchReport>(args)
  expectConsistent(report)
  expect(report.results.map(({ name, unit }) => [name, unit])).toEqual([
    ['embed_passages', 'passages/s'],
    ['embed_query', 'ms'],
    ['search_exact', 'ms'],
    ['search_hnsw', 'ms'],
  ])
  const [passages, , , graph] = report.results
  // Six layers of all-MiniLM-L6-v2 with 1,769,472 weights each, and attention: about 4.3e9 operations a passage of 190 tokens.
  expect(report.ceilings[1].value / passages.roofline).toBeCloseTo(4.38, 1)
  expect(graph.recallAt10).toBeGreaterThan(0.95)
})

it('refuses a model whose context is too short, and keeps that run too', { timeout: 120_000 }, async () => {
  const args = ['bench', 'decode', '--repetitions', '1', '--context', '256', ...own]
  const { code, out, err } = await moru([...args, '--json'])
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toMatch(/is loaded for 256 tokens; this measurement needs \d+/)
  const store = openStore(profile)
  const [run] = store.runs.list(1)
  store.close()
  expect(run).toMatchObject({ kind: 'bench', state: 'failed' })
})

it('stops within a second of Ctrl+C', { timeout: 60_000 }, async () => {
  let stoppedAt = 0
  const { code, out } = await moru(['bench', 'matmul', '--repetitions', '50', ...own], {
    onStart: (child) =>
      void setTimeout(() => {
        stoppedAt = performance.now()
        child.kill('SIGINT')
      }, 4000),
  })
  expect({ code, out }).toEqual({ code: 130, out: '' })
  // The job ends within a second; the process closes its database after that.
  expect(performance.now() - stoppedAt).toBeLessThan(2500)
  const store = openStore(profile)
  const [run] = store.runs.list(1)
  store.close()
  expect(run).toMatchObject({ kind: 'bench', state: 'cancelled' })
})
