/** What the hub offers: repositories found by a search, and the files of one repository at one commit. */
import { listFiles, listModels, modelInfo } from '@huggingface/hub'
import { z } from 'zod'
import { type modelsListHubFiles, type modelsSearchHub } from '../../../shared/contract/models'
import { MoruError } from '../../../shared/errors'
import { checkRevision, parseRepo, quoted } from './names'
import { defaultRetry, retrying } from './retry'
import { type HubTransport } from './transport'

export type HubRepo = z.output<typeof modelsSearchHub.output>[number]
export type HubFile = z.output<typeof modelsListHubFiles.output>[number] & {
  /** Git's hash of the file ("blob SIZE\0" + content); null for LFS files, whose hash is sha256, and where not told. */
  gitSha1: string | null
}

const maxFiles = 20_000
// Someone waits for a list: a hub that stays away is told after some seconds, not after a minute.
const interactive = { ...defaultRetry, attempts: 3, maxMs: 5_000 }

/**
 * Repositories whose id matches, most downloaded first. Only those that hold GGUF or safetensors weights, as far as
 * the hub says what they hold.
 */
export async function searchHub(
  transport: HubTransport,
  query: string,
  limit: number,
  signal?: AbortSignal,
): Promise<HubRepo[]> {
  return retrying(interactive, signal, async () => {
    const found: HubRepo[] = []
    const models = listModels({
      search: { query },
      sort: 'downloads',
      additionalFields: ['tags'],
      limit: limit * 4,
      hubUrl: transport.url(''),
      fetch: transport.fetch({ signal, what: `the search for ${quoted(query)}` }, 4),
    })
    for await (const model of shaped(models)) {
      const tags = strings(model.tags)
      if (tags.length > 0 && !tags.includes('gguf') && !tags.includes('safetensors')) continue
      if (!isRepo(model.name)) continue
      const updated =
        model.updatedAt instanceof Date && !Number.isNaN(model.updatedAt.getTime()) ? model.updatedAt : null
      found.push({
        repo: model.name,
        downloads: count(model.downloads),
        likes: count(model.likes),
        updatedAt: updated?.toISOString() ?? null,
        gated: Boolean(model.gated),
      })
      if (found.length === limit) break
    }
    return found
  })
}

/** The commit a branch or tag stands for now, or the revision itself where the hub does not say. */
export async function pinRevision(
  transport: HubTransport,
  repo: string,
  revision: string,
  signal?: AbortSignal,
): Promise<string> {
  parseRepo(repo)
  checkRevision(revision)
  const what = `the repository ${quoted(repo)}${revision === 'main' ? '' : ` at revision ${quoted(revision)}`}`
  return retrying(interactive, signal, async () => {
    const fetch = transport.fetch({ signal, what }, 1)
    const info = await modelInfo({ name: repo, revision, additionalFields: ['sha'], hubUrl: transport.url(''), fetch })
    return typeof info.sha === 'string' && /^[0-9a-f]{40,64}$/.test(info.sha) ? info.sha : revision
  })
}

const treeEntry = z.object({
  type: z.string(),
  path: z.string().min(1).max(2000),
  size: z.number().int().nonnegative(),
  oid: z.string().nullish(),
  lfs: z.object({ oid: z.string(), size: z.number().int().nonnegative() }).nullish(),
})

/** All files of a repository at a revision, those Moru can load marked `usable`. */
export async function listHubFiles(
  transport: HubTransport,
  repo: string,
  revision: string,
  signal?: AbortSignal,
): Promise<HubFile[]> {
  parseRepo(repo)
  checkRevision(revision)
  const what = `the file list of ${quoted(repo)}${revision === 'main' ? '' : ` at revision ${quoted(revision)}`}`
  return retrying(interactive, signal, async () => {
    const files: HubFile[] = []
    const fetch = transport.fetch({ signal, what })
    const revisionInUrl = encodeURIComponent(revision)
    const entries = listFiles({ repo, recursive: true, revision: revisionInUrl, hubUrl: transport.url(''), fetch })
    for await (const raw of shaped(entries)) {
      if (files.length >= maxFiles) throw new MoruError('unsupported', `${quoted(repo)} has over ${maxFiles} files.`)
      const entry = treeEntry.safeParse(raw)
      if (!entry.success)
        throw new MoruError('network', `${transport.endpoint.host} answered ${what} in an unknown form.`)
      if (entry.data.type === 'file') files.push(fileOf(entry.data))
    }
    const folders = new Set(files.filter((f) => nameOf(f.path) === 'config.json').map((f) => folderOf(f.path)))
    return files.map((file) => ({ ...file, usable: isUsable(file.path, folders) }))
  })
}

function fileOf(entry: z.output<typeof treeEntry>): HubFile {
  const sha256 = entry.lfs && /^[0-9a-f]{64}$/.test(entry.lfs.oid) ? entry.lfs.oid : null
  const gitSha1 = !entry.lfs && entry.oid && /^[0-9a-f]{40}$/.test(entry.oid) ? entry.oid : null
  return { path: entry.path, sizeBytes: entry.lfs?.size ?? entry.size, sha256, gitSha1, usable: false }
}

export const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)
export const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/') + 1)

/**
 * Whether a file holds weights that Moru loads: GGUF but for vision projectors and block types below four bits that are
 * not read, and safetensors beside a config.json but for adapters. What goes with them need not be chosen.
 */
export function isUsable(path: string, configFolders: ReadonlySet<string>): boolean {
  const name = nameOf(path)
  if (/\.gguf$/i.test(name))
    return !/mmproj|imatrix/i.test(name) && !/(^|[-_.])(iq[123]_?\w*|tq[12]_0|mxfp4\w*|nvfp4)([-_.]|$)/i.test(name)
  return /\.safetensors$/.test(name) && !/^adapter_/.test(name) && configFolders.has(folderOf(path))
}

/** The items of a library iterator over an answer from outside: one that trips over its shape is an error of the hub. */
async function* shaped<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    for await (const item of items) yield item
  } catch (cause) {
    if (cause instanceof MoruError || (cause as Error).name === 'AbortError') throw cause
    throw new MoruError('network', `The hub's answer has an unknown form (${(cause as Error).message}).`, { cause })
  }
}

const count = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : 0)
const strings = (value: unknown) => (Array.isArray(value) ? value.filter((v) => typeof v === 'string') : [])

function isRepo(name: unknown): name is string {
  try {
    return typeof name === 'string' && parseRepo(name) !== null
  } catch {
    return false
  }
}
