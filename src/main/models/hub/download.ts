/** Files of a repository into the models folder, several at once, all at one commit. */
import { mkdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { folderOf, type HubFile, listHubFiles, nameOf, pinRevision } from './catalog'
import { companions } from './companions'
import { fetchFile } from './fetch-file'
import { quoted, repoFolder, safeSegments } from './names'
import { defaultRetry, type RetryPolicy } from './retry'
import { type HubTransport } from './transport'

export interface DownloadRequest {
  repo: string
  revision: string
  /** Paths inside the repository; what belongs to them (shards, configuration, tokenizer) comes along. */
  files: string[]
}

export interface DownloadOptions {
  modelsFolder: string
  signal?: AbortSignal
  retry?: RetryPolicy
  /** Bytes there now, of all files; may fall when a file starts anew. `resumedBytes` were there before this run. */
  onProgress: (bytes: number, totalBytes: number, resumedBytes: number) => void
}

export interface Downloaded {
  folder: string
  /** Absolute paths, in the order asked for, companions last. */
  paths: string[]
  totalBytes: number
}

const filesAtOnce = 3
const inUse = new Set<string>()

/** @throws MoruError as fetchFile does; not_found for a file that the repository lacks; busy when a download of it runs. */
export async function download(
  transport: HubTransport,
  request: DownloadRequest,
  options: DownloadOptions,
): Promise<Downloaded> {
  const folder = repoFolder(options.modelsFolder, request.repo, request.revision)
  if (inUse.has(folder)) throw new MoruError('busy', `A download of ${quoted(request.repo)} is running already.`)
  inUse.add(folder)
  try {
    const commit = await pinRevision(transport, request.repo, request.revision, options.signal)
    const listed = await listHubFiles(transport, request.repo, commit, options.signal)
    const files = choose(request, listed)
    const placed = files.map((file) => ({ ...file, destination: join(folder, ...safeSegments(file.path)) }))
    refuseClashes(placed)
    await fetchAll(transport, request.repo, commit, placed, options)
    const totalBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
    return { folder, paths: placed.map((file) => file.destination), totalBytes }
  } finally {
    inUse.delete(folder)
  }
}

const shard = /^(.*)-\d{5}-of-(\d{5})(\.gguf|\.safetensors)$/

/** The files asked for and those without which they are no model: the other shards, and what lies beside safetensors. */
export function choose(request: DownloadRequest, listed: HubFile[]): HubFile[] {
  const byPath = new Map(listed.map((file) => [file.path, file]))
  const chosen = new Map<string, HubFile>()
  for (const path of request.files) {
    const file = byPath.get(path)
    if (!file) throw new MoruError('not_found', `${quoted(request.repo)} has no file ${quoted(path)}.`)
    chosen.set(path, file)
  }
  for (const path of request.files) {
    const siblings = shardKey(path)
    const withSafetensors = path.endsWith('.safetensors')
    for (const file of listed) {
      const belongs = siblings !== null && shardKey(file.path) === siblings
      const beside = withSafetensors && folderOf(file.path) === folderOf(path) && companions.has(nameOf(file.path))
      if (belongs || beside) chosen.set(file.path, file)
    }
  }
  return [...chosen.values()]
}

function shardKey(path: string): string | null {
  const match = shard.exec(path)
  return match && `${match[1]}\0${match[2]}\0${match[3]}`
}

/** Two names that are one on a file system without case, or a file where another has its folder. */
function refuseClashes(files: { path: string; destination: string }[]): void {
  const seen = new Map<string, string>()
  for (const { path } of files) {
    const key = path.normalize('NFC').toLowerCase()
    const other = seen.get(key)
    if (other !== undefined)
      throw new MoruError('unsupported', `${quoted(path)} and ${quoted(other)} would be the same file on some disks.`)
    seen.set(key, path)
  }
}

async function fetchAll(
  transport: HubTransport,
  repo: string,
  commit: string,
  files: (HubFile & { destination: string })[],
  options: DownloadOptions,
): Promise<void> {
  const total = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  const positions = new Map<string, number>()
  let resumed = 0
  const sum = () => [...positions.values()].reduce((a, b) => a + b, 0)
  // The first failure stops the others: their parts stay, and one message is enough.
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  await checkSpace(options.modelsFolder, files)
  const queue = [...files]
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      throwIfCancelled(signal)
      const { path } = file
      const onPosition = (bytes: number) => {
        if (!positions.has(path)) resumed += bytes
        positions.set(path, bytes)
        options.onProgress(sum(), total, resumed)
      }
      const url = transport.url(`/${repo}/resolve/${encodeURIComponent(commit)}/${encodePath(path)}`)
      await fetchFile(
        transport,
        { ...file, name: path, url },
        { signal, retry: options.retry ?? defaultRetry, onPosition },
      )
    }
  }
  const workers = Array.from({ length: Math.min(filesAtOnce, files.length) }, () =>
    worker().catch((error: unknown) => {
      if (!stop.signal.aborted) stop.abort(error)
    }),
  )
  await Promise.all(workers)
  throwIfCancelled(options.signal)
  if (stop.signal.aborted) throw stop.signal.reason
}

const encodePath = (path: string) => path.split('/').map(encodeURIComponent).join('/')

/** @throws MoruError io when the disk cannot hold what is still to come, before anything is fetched. */
async function checkSpace(folder: string, files: { destination: string; sizeBytes: number }[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  let needed = 0
  for (const { destination, sizeBytes } of files) {
    const whole = await sizeOf(destination)
    if (whole !== sizeBytes) needed += Math.max(0, sizeBytes - (await sizeOf(`${destination}.part`)))
  }
  if (needed <= free) return
  const [wanted, there] = [needed, free].map((bytes) => `${(bytes / 1e9).toFixed(1)} GB`)
  throw new MoruError('io', `The files need ${wanted}, but the disk of ${folder} has ${there} free.`)
}

const sizeOf = (path: string) => stat(path).then((found) => found.size, () => 0) // prettier-ignore
