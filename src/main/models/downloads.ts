/** Downloads from the hub as jobs: what they brought becomes models of the library. */
import { z } from 'zod'
import { modelsDownload } from '../../shared/contract/models'
import { MoruError, toMoruError } from '../../shared/errors'
import { type JobRunner } from '../jobs'
import { type Store } from '../store'
import { type HubFile, type HubRepo, listHubFiles, searchHub } from './hub/catalog'
import { download, type DownloadRequest } from './hub/download'
import { repoFolder, safeSegments } from './hub/names'
import { type RetryPolicy } from './hub/retry'
import { HubTransport, type TransportOptions } from './hub/transport'
import { type ModelLibrary } from './library'
import { firstShard } from './model-path'

export interface DownloadsOptions {
  library: ModelLibrary
  jobs: JobRunner
  store: Pick<Store, 'settings' | 'hubToken'>
  transport?: TransportOptions
  retry?: RetryPolicy
}

export class Downloads {
  private readonly options: DownloadsOptions

  constructor(options: DownloadsOptions) {
    this.options = options
    options.jobs.onRepeat('download', (parameters) => this.start(parse(modelsDownload.input, parameters)))
  }

  search(query: string, limit: number, signal?: AbortSignal): Promise<HubRepo[]> {
    return searchHub(this.transport(), query, limit, signal)
  }

  files(repo: string, revision: string, signal?: AbortSignal): Promise<HubFile[]> {
    return listHubFiles(this.transport(), repo, revision, signal)
  }

  /** Starts the job. @returns its id. @throws MoruError invalid_input for names that cannot be, before anything starts. */
  start(request: DownloadRequest): string {
    const { library, jobs, retry } = this.options
    repoFolder(library.modelsFolder, request.repo, request.revision)
    request.files.forEach(safeSegments)
    const transport = this.transport()
    const title = request.files.length === 1 ? `${request.repo}/${request.files[0]}` : request.repo
    const spec = { kind: 'download' as const, title, parameters: { ...request }, unit: 'bytes' as const, total: null }
    return jobs.start(spec, async (handle, signal) => {
      // What an earlier try left is neither work of this job nor part of its rate.
      const onProgress = (bytes: number, total: number, resumed: number) =>
        handle.progress(bytes - resumed, total - resumed)
      const done = await download(transport, request, { modelsFolder: library.modelsFolder, signal, retry, onProgress })
      const modelIds = await this.importAll(done.paths, done.folder)
      return { modelIds, folder: done.folder, totalBytes: done.totalBytes }
    }).id
  }

  /** The models among downloaded files. Files that are whole but cannot be read as a model stay, and the error says where. */
  private async importAll(paths: string[], folder: string): Promise<string[]> {
    const weights = paths.filter((path) => /\.(gguf|safetensors)$/i.test(path))
    const ids = new Set<string>()
    for (const path of new Set(weights.map(firstShard)))
      try {
        ids.add((await this.options.library.import(path, 'downloaded')).id)
      } catch (cause) {
        const { code, message } = toMoruError(cause)
        throw new MoruError(code, `${message} What was downloaded lies in ${folder}.`, { cause })
      }
    return [...ids]
  }

  private transport(): HubTransport {
    const { endpoint, proxy } = this.options.store.settings.get().hub
    return new HubTransport({ endpoint, proxy, token: this.options.store.hubToken() }, this.options.transport)
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new MoruError('invalid_input', `The download cannot be repeated: ${z.prettifyError(parsed.error)}`)
}
