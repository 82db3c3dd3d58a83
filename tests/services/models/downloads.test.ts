import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { JobRunner } from '../../../src/main/jobs'
import { Downloads, ModelLibrary, modelsHandlers } from '../../../src/main/models'
import { openStore, type Store } from '../../../src/main/store'
import { contract } from '../../../src/shared/contract'
import { type Job } from '../../../src/shared/contract/jobs'
import { HubServer } from './hub-server'

const tiny = resolve('tests/golden/tiny-models')
let server: HubServer
let folder: string
let store: Store
let jobs: JobRunner
let library: ModelLibrary
let handlers: ReturnType<typeof modelsHandlers>
const context = () => ({ signal: new AbortController().signal })

beforeEach(async () => {
  server = await HubServer.start()
  folder = await mkdtemp(join(tmpdir(), 'moru-다운로드 '))
  store = openStore(folder)
  store.settings.update({ hub: { endpoint: server.url } })
  jobs = new JobRunner(store)
  library = new ModelLibrary({ store, bundledFolder: join(folder, 'none'), modelsFolder: join(folder, 'models'), limits: async () => null }) // prettier-ignore
  const retry = { attempts: 2, baseMs: 5, maxMs: 100 }
  const downloads = new Downloads({ library, jobs, store, transport: { environment: {} }, retry })
  handlers = modelsHandlers(library, downloads)
})
afterEach(async () => {
  await jobs.close()
  await server.stop()
  store.close()
  await rm(folder, { recursive: true })
})

async function addRepo(repo: string, model: string): Promise<void> {
  for (const name of await readdir(join(tiny, model)))
    server.add(repo, name, await readFile(join(tiny, model, name)), name.endsWith('.safetensors'))
}

async function ended(id: string): Promise<Job> {
  for (;;) {
    const job = jobs.list(100).find((one) => one.id === id)
    if (job && job.state !== 'running') return job
    await sleep(10)
  }
}

const start = (files: string[], repo = 'org/tiny') => handlers.modelsDownload({ repo, revision: 'main', files })

it('brings a model from a search into the library, and removes it with its files', async () => {
  await addRepo('org/tiny', 'llama-gqa')
  const search = await handlers.modelsSearchHub({ query: 'tiny', limit: 20 }, context())
  expect(contract.modelsSearchHub.output.parse(search).map((found) => found.repo)).toEqual(['org/tiny'])
  const files = contract.modelsListHubFiles.output.parse(await handlers.modelsListHubFiles({ repo: 'org/tiny', revision: 'main' }, context())) // prettier-ignore
  const usable = files.filter((file) => file.usable).map((file) => file.path)
  expect(usable).toEqual(['model.safetensors'])
  const job = await ended((await start(usable)).jobId)
  expect(job).toMatchObject({ kind: 'download', state: 'done', title: 'org/tiny/model.safetensors', unit: 'bytes', error: null }) // prettier-ignore
  expect(job.done).toBe(job.total)
  expect(job.result).toMatchObject({ modelIds: ['tiny'] })
  const [model] = contract.modelsList.output.parse(await handlers.modelsList())
  expect(model).toMatchObject({ id: 'tiny', source: 'downloaded', architecture: 'llama', available: true })
  const detail = contract.modelsGet.output.parse(await handlers.modelsGet({ id: 'tiny' }))
  expect(detail.layers).toBeGreaterThan(0)
  await handlers.modelsRemove({ id: 'tiny', deleteFiles: true })
  await expect(stat(model.path)).rejects.toMatchObject({ code: 'ENOENT' })
  expect(await handlers.modelsList()).toEqual([])
})

it('fails with the reason in the run history, and goes on when repeated', async () => {
  await addRepo('org/tiny', 'gpt2')
  const size = (await stat(join(tiny, 'gpt2/model.safetensors'))).size
  const half = Math.floor(size / 2)
  server.fail('model.safetensors', { kind: 'drop', after: half }, { kind: 'status', status: 503 }, { kind: 'status', status: 503 }) // prettier-ignore
  const job = await ended((await start(['model.safetensors'])).jobId)
  expect(job).toMatchObject({ state: 'failed', error: expect.stringMatching(/503/) })
  expect(await handlers.modelsList()).toEqual([])
  const again = await ended(await jobs.repeat(job.id))
  expect(again).toMatchObject({ state: 'done', done: size - half })
  expect(server.requests('cdn', 'model.safetensors').at(-1)?.headers.range).toBe(`bytes=${half}-`)
  expect((await handlers.modelsList()).map((model) => model.id)).toEqual(['tiny'])
})

it('is cancelled through the jobs within a second', async () => {
  await addRepo('org/tiny', 'gpt2')
  server.fail('model.safetensors', { kind: 'slow', bytesPerTick: 100, tickMs: 20 })
  const { jobId } = await start(['model.safetensors'])
  while (server.requests('cdn', 'model.safetensors').length === 0) await sleep(10)
  await sleep(50)
  const asked = performance.now()
  jobs.cancel(jobId)
  expect((await ended(jobId)).state).toBe('cancelled')
  expect(performance.now() - asked).toBeLessThan(1000)
  expect(await handlers.modelsList()).toEqual([])
})

it('says where the files are when they are no model that Moru runs', async () => {
  server.add('org/odd', 'config.json', Buffer.from('{"model_type":"mamba9"}'), false)
  server.add('org/odd', 'model.safetensors', await readFile(join(tiny, 'gpt2/model.safetensors')))
  const job = await ended((await start(['model.safetensors'], 'org/odd')).jobId)
  expect(job).toMatchObject({ state: 'failed', error: expect.stringMatching(/mamba9.*org\/odd/s) })
  expect(await handlers.modelsList()).toEqual([])
})

it('refuses hostile names at once, without a job', async () => {
  await expect(start(['../x.gguf'])).rejects.toMatchObject({ code: 'invalid_input' })
  await expect(start(['x.gguf'], '../..')).rejects.toMatchObject({ code: 'invalid_input' })
  expect(jobs.list(10)).toEqual([])
})
