/** The library of models: listed, imported, searched on the hub, downloaded and loaded. */
import { MoruError } from '../../../src/shared/errors'
import { pause, type World } from './handlers'
import { aDetail, aJob, aModel, aStatus } from './samples'
import { type Handlers } from './test-host'

export function modelHandlers(world: World) {
  const byId = (id: string) => {
    const model = world.models.find((m) => m.id === id)
    if (!model) throw new MoruError('not_found', `There is no model ${id} in the library.`)
    return model
  }
  return {
    modelsList: () => world.models,
    modelsGet: ({ id, load }) => aDetail(byId(id), load?.contextLength ?? byId(id).contextLength),
    modelsImport: ({ path }) => {
      if (!path.endsWith('.gguf'))
        throw new MoruError('invalid_file', `${path} begins with 0x00000000, which is not a GGUF file.`)
      const model = aModel({ id: path, name: path.split('/').at(-1) ?? path, path, source: 'imported' })
      world.models.push(model)
      return model
    },
    modelsRemove: ({ id }) => {
      world.models = world.models.filter((m) => m.id !== id)
      return {}
    },
    modelsDiscover: () => [
      {
        path: '/home/a/.lmstudio/models/Qwen3-0.6B-Q4_K_M.gguf',
        name: 'Qwen3 0.6B',
        sizeBytes: 396_000_000,
        app: 'lm-studio' as const,
      },
    ],
    modelsSearchHub: ({ query }) => [
      {
        repo: `Qwen/${query || 'Qwen3'}-GGUF`,
        downloads: 1_234_567,
        likes: 432,
        updatedAt: '2026-10-01T00:00:00.000Z',
        gated: false,
      },
      { repo: `google/${query || 'gemma'}-gated-GGUF`, downloads: 98_765, likes: 87, updatedAt: null, gated: true },
    ],
    modelsListHubFiles: () => [
      { path: 'README.md', sizeBytes: 4_321, sha256: null, usable: false },
      { path: 'Qwen3-0.6B-Q8_0.gguf', sizeBytes: 639_000_000, sha256: 'a'.repeat(64), usable: true },
      { path: 'Qwen3-0.6B-Q4_K_M.gguf', sizeBytes: 396_000_000, sha256: 'b'.repeat(64), usable: true },
    ],
    modelsDownload: ({ repo, revision, files }) => {
      const id = `j${world.nextId++}`
      world.jobs.push(aJob({ id, title: repo, parameters: { repo, revision, files }, startedAt: Date.now() }))
      return { jobId: id }
    },
    async *modelsLoad({ id, load }, signal) {
      const { sizeBytes, name } = byId(id)
      for (let part = 1; part <= 10 && !signal.aborted; part += 1) {
        yield { loadedBytes: (sizeBytes * part) / 10, totalBytes: sizeBytes, bytesPerSecond: 900_000_000 }
        await pause(10, signal)
      }
      world.status = aStatus({
        model: { ...aStatus().model, id, name, load, contextLength: 8192, kvBlocksUsed: 0, kvBlocksTotal: 512 },
      })
    },
    modelsUnload: () => {
      world.status = aStatus({ state: 'idle', model: null })
      return {}
    },
  } satisfies Partial<Handlers>
}
