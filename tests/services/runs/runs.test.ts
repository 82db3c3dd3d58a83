import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runHandlers } from '../../../src/main/runs'
import { artefactsOf, metricsOf, parametersOf, unitsOf } from '../../../src/main/runs/figures'
import { type Run } from '../../../src/main/store'
import { runDetail, runSummary } from '../../../src/shared/contract/runs'
import { temporaryFolder, temporaryStore } from '../store/temporary-profile'

const environment = {
  version: '1.2.3',
  build: 'abc',
  node: 'v24',
  platform: 'linux-x64',
  adapter: '모루 GPU',
  software: true,
}
const aRun = (change: Partial<Run> = {}): Run => ({
  id: '0b9cf3a2-4c1d-4e5f-8a7b-1c2d3e4f5a6b',
  kind: 'bench',
  title: 'decode, prefill',
  state: 'done',
  done: 8,
  total: 8,
  unit: 'steps',
  parameters: { suites: ['decode'], model: null, load: { kvType: 'f16', contextLength: 512 } },
  result: { device: { adapter: 'x' }, results: [{ name: 'decode', value: 21.5, unit: 'tokens/s', ratio: 0.4 }] },
  error: null,
  startedAt: 1_700_000_000_000,
  endedAt: 1_700_000_009_000,
  environment,
  ...change,
})
const context = { signal: new AbortController().signal }

describe('figures of a run', () => {
  it('are named by their rows and paths', () => {
    expect(metricsOf(aRun().result)).toEqual({ decode: 21.5, 'decode.ratio': 0.4 })
    expect(unitsOf(aRun().result)).toEqual({ decode: 'tokens/s' })
    const evaluated = {
      results: [
        { mode: 'hybrid', rerank: true, ndcgAt10: 0.7 },
        { mode: 'bm25', rerank: false, ndcgAt10: 0.6 },
      ],
    }
    expect(metricsOf(evaluated)).toEqual({ 'hybrid.rerank.ndcgAt10': 0.7, 'bm25.ndcgAt10': 0.6 })
    expect(metricsOf({ perplexity: [10, 11], kld: 0.1, bad: NaN, list: [1, 2, 3, 4, 5] })).toEqual({
      'perplexity.0': 10,
      'perplexity.1': 11,
      kld: 0.1,
    })
    expect(
      metricsOf({ layers: Array.from({ length: 999 }, (_, i) => ({ name: `blk.${i}`, relativeError: i })) }),
    ).toMatchObject({ 'layers.blk.0.relativeError': 0 })
    expect(metricsOf(null)).toEqual({})
    expect(parametersOf(aRun().parameters)).toEqual({
      'suites.0': 'decode',
      'load.kvType': 'f16',
      'load.contextLength': '512',
    })
    expect(artefactsOf({ path: '/a.gguf', folder: '/a', n: 1 })).toEqual(['/a.gguf', '/a'])
  })
})

describe('the run history', () => {
  it('is listed by kind and words, shown whole, and deleted for good', async () => {
    const folder = temporaryFolder()
    const store = temporaryStore(folder)
    const handlers = runHandlers(store)
    store.runs.add(aRun())
    store.runs.add(aRun({ id: 'index', kind: 'index', title: '사내 규정집', result: { documents: 3 } }))
    store.runs.add(aRun({ id: 'now', state: 'running', endedAt: null, result: null }))
    const list = async (input: { kinds?: Run['kind'][]; search?: string }) =>
      (await handlers.runsList({ search: '', limit: 10, ...input }, context)).map((run) => runSummary.parse(run).id)
    expect(await list({})).toEqual(['now', 'index', aRun().id])
    expect(await list({ kinds: ['index'] })).toEqual(['index'])
    expect(await list({ search: '규정' })).toEqual(['index'])
    expect(await list({ search: 'f16 규정' })).toEqual(['index'])
    expect(await list({ search: '100%' })).toEqual([])
    expect(runDetail.parse(await handlers.runsGet({ id: 'index' }, context))).toMatchObject({
      environment,
      metrics: { documents: 3 },
    })
    expect(await handlers.runsRemove({ ids: ['index', 'now'] }, context)).toEqual({ removed: 1 })
    expect(await list({})).toEqual(['now', aRun().id])
    for (const name of readdirSync(folder)) expect(readFileSync(join(folder, name)).includes('규정집')).toBe(false)
  })

  it('is written in MLflow’s layout, whole or not at all', async () => {
    const store = temporaryStore()
    const handlers = runHandlers(store)
    const folder = join(temporaryFolder(), 'mlruns')
    await expect(handlers.runsExport({ ids: null, folder }, context)).rejects.toThrow(/no runs/)
    store.runs.add(aRun())
    store.runs.add(
      aRun({ id: '한/글', kind: 'index', state: 'failed', error: '끊겼습니다', parameters: { '../x:y': 'a\nb' } }),
    )
    expect(await handlers.runsExport({ ids: null, folder }, context)).toEqual({ folder, runs: 2 })
    const files = readdirSync(folder, { recursive: true }).map(String).sort()
    expect(readdirSync(folder)).toHaveLength(2)
    const run = files.find((name) => name.endsWith(`${aRun().id.replaceAll('-', '')}`))!
    const read = (name: string) => readFileSync(join(folder, run, name), 'utf8')
    expect(read('metrics/decode')).toBe('1700000009000 21.5 0\n')
    expect(read('params/load.kvType')).toBe('f16')
    expect(read('tags/moru.device')).toBe('모루 GPU')
    expect(read('meta.yaml')).toContain('status: 3\n')
    expect(JSON.parse(read('artifacts/result.json'))).toEqual(aRun().result)
    expect(files.some((name) => name.endsWith('params/.._x_y') || name.includes('..'))).toBe(false)
    await expect(handlers.runsExport({ ids: null, folder }, context)).rejects.toThrow(/exists already/)
    await expect(handlers.runsExport({ ids: null, folder: 'here' }, context)).rejects.toThrow(/whole path/)
    const blocked = join(temporaryFolder(), 'a')
    mkdirSync(blocked)
    await expect(handlers.runsExport({ ids: ['none'], folder: join(blocked, 'b') }, context)).rejects.toThrow(/no job/)
    expect(existsSync(join(blocked, 'b'))).toBe(false)
  })
})
