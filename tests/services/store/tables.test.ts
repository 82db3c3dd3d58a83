import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defaultConversationSettings, type ModelRow, type Run } from '../../../src/main/store'
import { temporaryFolder, temporaryStore } from './temporary-profile'

describe('settings', () => {
  it('have defaults, merge one level deep and outlive the process', () => {
    const folder = temporaryFolder()
    const { settings } = temporaryStore(folder)
    expect(settings.get()).toMatchObject({ language: 'system', keepTokenDetails: true, load: {} })
    const load = { contextLength: 2048, computeType: 'f32' as const, kvType: 'f16' as const }
    settings.update({ language: 'ko', load: { a: load }, hub: { endpoint: 'http://localhost:9' } })
    settings.update({ load: { b: load }, hub: { proxy: 'http://localhost:8' } })
    const after = temporaryStore(folder).settings.get()
    expect(after).toMatchObject({ language: 'ko', theme: 'system', load: { a: load, b: load } })
    expect(after.hub).toEqual({ endpoint: 'http://localhost:9', proxy: 'http://localhost:8', hasToken: false })
  })

  it('never hold the hub token, nor does the database', async () => {
    const folder = temporaryFolder()
    const store = temporaryStore(folder)
    expect(store.settings.setHubToken('hf_secret').hub.hasToken).toBe(true)
    store.settings.update({ hub: { proxy: null } })
    expect(JSON.stringify(store.settings.get())).not.toContain('hf_secret')
    expect(store.hubToken()).toBe('hf_secret')
    if (process.platform !== 'win32') expect(statSync(join(folder, 'hub-token')).mode & 0o777).toBe(0o600)
    await store.backup(join(folder, 'copy.db'))
    expect(readFileSync(join(folder, 'copy.db')).includes('hf_secret')).toBe(false)
    store.settings.setHubToken('hf_other')
    expect(store.hubToken()).toBe('hf_other')
    expect(store.settings.setHubToken(null).hub.hasToken).toBe(false)
    expect(store.hubToken()).toBeNull()
  })
})

describe('presets', () => {
  it('are saved, changed, listed by name and removed', () => {
    const { presets } = temporaryStore()
    const { modelId: _modelId, ...settings } = defaultConversationSettings()
    const b = presets.save({ id: null, name: 'b 번역', settings, load: null })
    const load = { contextLength: null, computeType: 'f16' as const, kvType: 'f32' as const }
    const a = presets.save({ id: null, name: 'a', settings: { ...settings, systemPrompt: 'x' }, load })
    expect(presets.list()).toEqual([a, b])
    const renamed = presets.save({ ...b, name: 'A 번역' })
    expect(presets.list()).toEqual([a, renamed])
    presets.remove(a.id)
    expect(presets.list()).toEqual([renamed])
    expect(() => presets.remove(a.id)).toThrow(/no preset/)
    expect(() => presets.save({ ...a, name: 'again' })).toThrow(/no preset/)
  })
})

describe('models', () => {
  const model: ModelRow = {
    id: 'smol',
    name: 'Smol',
    source: 'imported',
    path: '/모델/smol-00001-of-00002.gguf',
    format: 'gguf',
    files: [1, 2].map((n) => ({
      path: `/m/${n}`,
      sizeBytes: n * 2 ** 33,
      mtimeMs: 1.5,
      sha256: n === 1 ? 'a'.repeat(64) : null,
    })),
    metadata: { architecture: 'llama', nested: { layers: [1] } },
    addedAt: 5,
  }
  it('are saved with their files, replaced by id, unique by path', () => {
    const { models } = temporaryStore()
    models.save(model)
    expect(models.find('smol')).toEqual(model)
    expect(models.findByPath(model.path)).toEqual(model)
    const renewed = { ...model, files: model.files.slice(1), metadata: {} }
    models.save({ ...renewed, addedAt: 9 })
    expect(models.list()).toEqual([renewed])
    expect(() => models.save({ ...model, id: 'other' })).toThrow(/in the library already, as "Smol"/)
    expect(() => models.save({ ...model, files: [{ ...model.files[0], sha256: 'short' }] })).toThrow(/CHECK/)
    expect(models.find('smol')).toEqual(renewed)
    models.remove('smol')
    expect(models.find('smol')).toBeNull()
    expect(() => models.remove('smol')).toThrow(/no model/)
  })
})

describe('runs', () => {
  const run = (id: string): Run => ({
    id,
    kind: 'import',
    title: '가져오기',
    state: 'running',
    done: 0,
    total: null,
    unit: 'bytes',
    parameters: { path: '/a' },
    result: null,
    error: null,
    startedAt: 1,
    endedAt: null,
    environment: null,
  })
  it('are listed newest first and marked when their host has gone', () => {
    const store = temporaryStore()
    store.runs.add(run('a'))
    store.runs.add(run('b'))
    const done: Run = { ...run('a'), state: 'done', done: 5, total: 5, result: { id: 'x' }, endedAt: 7 }
    store.runs.update(done)
    expect(store.runs.get('a')).toEqual(done)
    expect(store.recover().interruptedRuns).toBe(1)
    expect(store.runs.list(9)).toMatchObject([
      { id: 'b', state: 'interrupted' },
      { id: 'a', state: 'done' },
    ])
    expect(store.runs.get('b').endedAt).toBeGreaterThan(1)
    expect(store.runs.list(1)).toHaveLength(1)
    expect(() => store.runs.get('c')).toThrow(/no job/)
    expect(() => store.runs.update({ ...done, endedAt: null })).toThrow(/CHECK/)
  })
})
