/** moru doctor and moru models. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DoctorReport } from '../../../src/shared/contract/engine'
import { type ModelSummary } from '../../../src/shared/contract/models'
import { built, moru, moruJson, noAdapter, root, temporaryProfile } from './moru'

const { profile, remove } = temporaryProfile()
const own = ['--profile', profile]
beforeAll(built, 300_000)
afterAll(remove)

describe('doctor', () => {
  it('says what the adapter offers', async () => {
    const report = await moruJson<DoctorReport>(['doctor', ...own])
    expect(Object.keys(report).sort()).toEqual(
      ['adapter', 'backend', 'driver', 'features', 'limits', 'node', 'notes', 'software', 'versions'].sort(),
    )
    expect(report.adapter).toEqual(expect.any(String))
    expect(report.features).toContain('core-features-and-limits')
    expect(report.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 << 20)
    expect(report.node).toBe(process.version)
    expect(report.versions.moru).toMatch(/^\d+\.\d+\.\d+$/)
    if (report.software) expect(report.notes.join(' ')).toContain('software adapter')
  })

  it('says so, and that is no failure, where there is none', async () => {
    const report = await moruJson<DoctorReport>(['doctor', ...own], { env: noAdapter })
    expect(report).toMatchObject({ adapter: null, driver: null, backend: null, software: false, features: [] })
    expect(report.notes.join(' ')).toContain('No GPU adapter was found')
    const { code, out } = await moru(['doctor', ...own], { env: noAdapter })
    expect(code).toBe(0)
    expect(out).toMatch(/^adapter +none found$/m)
    expect(out).toContain('mesa-vulkan-drivers')
  })
})

describe('models', () => {
  const folder = 'tests/golden/tiny-models/llama-gqa'

  /** The chat model that comes with the program. */
  async function bundledModel(): Promise<ModelSummary> {
    const all = await moruJson<ModelSummary[]>(['models', 'list', ...own])
    return all.find((model) => model.source === 'bundled' && model.chat)!
  }

  it('lists what is bundled', async () => {
    const bundled = await bundledModel()
    expect(bundled).toMatchObject({ architecture: 'llama', available: true, quantization: 'Q4_1' })
    const { out } = await moru(['models', 'list', ...own])
    expect(out).toMatch(new RegExp(`^${bundled.id} +llama +135 M +Q4_1 +98\\.4 MB +bundled$`, 'm'))
  })

  it('imports a path as seen from where it was started, and forgets it again', async () => {
    const imported = await moruJson<ModelSummary>(['models', 'import', './tiny-models/llama-gqa', ...own], {
      cwd: join(root, 'tests/golden'),
    })
    expect(imported).toMatchObject({ id: 'llama-gqa', source: 'imported', path: join(root, folder) })
    const ids = (await moruJson<ModelSummary[]>(['models', 'list', ...own])).map((model) => model.id)
    expect(ids).toContain('llama-gqa')
    expect(await moruJson(['models', 'remove', 'llama-gqa', ...own])).toEqual({ id: 'llama-gqa' })
    expect(await moruJson<ModelSummary[]>(['models', 'list', ...own])).toHaveLength(ids.length - 1)
  })

  it('inspects a model by path and by id', async () => {
    const inspected = await moruJson<Record<string, unknown>>(['models', 'inspect', folder, ...own])
    expect(Object.keys(inspected)).toEqual([
      'architecture', 'parameters', 'sizeBytes', 'bitsPerWeight', 'contextLength', 'layers', 'heads', 'kvHeads', 'headDim',
      'tokenizer', 'chatTemplate', 'memoryPlan',
    ]) // prettier-ignore
    expect(inspected).toMatchObject({
      ...{ architecture: 'llama', layers: 3, heads: 6, kvHeads: 2, headDim: 16, contextLength: 512 },
      ...{ chatTemplate: null, memoryPlan: { fits: true } },
    })
    const { id } = await bundledModel()
    const known = await moruJson<Record<string, unknown>>(['models', 'inspect', id, ...own])
    expect(known).toMatchObject({
      layers: 30,
      heads: 9,
      kvHeads: 3,
      headDim: 64,
      tokenizer: 'bpe',
      contextLength: 8192,
    })
  })

  it('prefers an id of the library to a folder of that name', async () => {
    await moruJson(['models', 'import', folder, ...own])
    const other = { cwd: join(root, 'tests/golden/tiny-models') }
    // Here llama-gqa is both, and qwen3 a folder only.
    expect(await moruJson(['models', 'inspect', 'llama-gqa', ...own], other)).toMatchObject({ architecture: 'llama' })
    expect(await moruJson(['models', 'inspect', 'qwen3', ...own], other)).toMatchObject({ architecture: 'qwen3' })
  })

  it('plans memory without an adapter too', async () => {
    const plan = await moruJson<{ memoryPlan: unknown }>(['models', 'inspect', folder, ...own], { env: noAdapter })
    expect(plan.memoryPlan).toMatchObject({ fits: true, availableBytes: null })
  })
})
