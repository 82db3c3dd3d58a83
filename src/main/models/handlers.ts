/** What the host answers for the routes models.*, keyed by the names under which the contract exports them. */
import { type Contract, type OutputOf, type ParsedInputOf } from '../../shared/contract'
import { type Downloads } from './downloads'
import { type ModelLibrary } from './library'

interface Context {
  signal: AbortSignal
}
type Input<K extends keyof Contract> = ParsedInputOf<Contract[K]>
type Output<K extends keyof Contract> = Promise<OutputOf<Contract[K]>>

/** All of them but loading and unloading, which is the engine's work. */
export function modelsHandlers(library: ModelLibrary, downloads: Downloads) {
  return {
    modelsList: (): Output<'modelsList'> => library.list(),
    modelsGet: ({ id, load }: Input<'modelsGet'>): Output<'modelsGet'> => library.get(id, load),
    modelsImport: ({ path }: Input<'modelsImport'>): Output<'modelsImport'> => library.import(path),
    modelsRemove: async ({ id, deleteFiles }: Input<'modelsRemove'>): Output<'modelsRemove'> => {
      await library.remove(id, deleteFiles)
      return {}
    },
    modelsDiscover: (_input: Input<'modelsDiscover'>, { signal }: Context): Output<'modelsDiscover'> =>
      library.discover(signal),
    modelsSearchHub: ({ query, limit }: Input<'modelsSearchHub'>, { signal }: Context): Output<'modelsSearchHub'> =>
      downloads.search(query, limit, signal),
    modelsListHubFiles: async (
      { repo, revision }: Input<'modelsListHubFiles'>,
      { signal }: Context,
    ): Output<'modelsListHubFiles'> => {
      const files = await downloads.files(repo, revision, signal)
      return files.map(({ path, sizeBytes, sha256, usable }) => ({ path, sizeBytes, sha256, usable }))
    },
    modelsDownload: async (request: Input<'modelsDownload'>): Output<'modelsDownload'> => ({
      jobId: downloads.start(request),
    }),
  }
}
