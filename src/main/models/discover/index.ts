/** Models that other programs on this machine have downloaded already. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type z } from 'zod'
import { type modelsDiscover } from '../../../shared/contract/models'
import { scanOllama } from './ollama'
import {
  huggingFaceFolders,
  llamaCppFolders,
  lmStudioFolders,
  type Machine,
  ollamaFolders,
  systemOllamaFolders,
} from './places'
import { defaultBounds, type Found, scanFolder } from './scan'

export type Discovered = z.output<typeof modelsDiscover.output>[number]

const thisMachine = (): Machine => ({
  home: homedir(),
  environment: process.env,
  platform: process.platform,
  systemOllama: process.platform === 'win32' ? [] : systemOllamaFolders,
})

/** Everything found, each file once, in the order of the programs. @throws what the signal says when it fires */
export async function discoverModels(machine = thisMachine(), signal?: AbortSignal): Promise<Discovered[]> {
  const scan = (folder: string) => scanFolder(folder, defaultBounds, signal)
  const programs: [Discovered['app'], string[], (folder: string) => Promise<Found[]>][] = [
    ['lm-studio', await lmStudioFolders(machine), scan],
    ['ollama', ollamaFolders(machine), (folder) => scanOllama(folder, signal)],
    ['llama.cpp', llamaCppFolders(machine), scan],
    ['hugging-face', huggingFaceFolders(machine), (folder) => scanHubCache(folder, signal)],
  ]
  const discovered = new Map<string, Discovered>()
  for (const [app, folders, scanOne] of programs)
    for (const folder of folders)
      for (const model of await scanOne(folder)) {
        const real = await realpath(model.path).catch(() => model.path)
        if (!discovered.has(real)) discovered.set(real, { ...model, app })
      }
  return [...discovered.values()]
}

/** The Hugging Face cache: models--OWNER--NAME/snapshots/COMMIT with links to blobs; of each repository one commit. */
async function scanHubCache(folder: string, signal?: AbortSignal): Promise<Found[]> {
  const found: Found[] = []
  const repos = await readdir(folder).catch((): string[] => [])
  for (const repo of repos.filter((name) => name.startsWith('models--')).slice(0, 2000)) {
    const snapshot = await currentSnapshot(join(folder, repo))
    if (snapshot) found.push(...(await scanFolder(snapshot, { depth: 3, entries: 2000 }, signal)))
  }
  return found
}

/** The commit that main stands for, or else the newest. */
async function currentSnapshot(repo: string): Promise<string | null> {
  const main = (await readFile(join(repo, 'refs', 'main'), 'utf8').catch(() => '')).trim()
  const commits = await readdir(join(repo, 'snapshots')).catch((): string[] => [])
  if (commits.includes(main)) return join(repo, 'snapshots', main)
  let newest: { path: string; at: number } | null = null
  for (const commit of commits) {
    const path = join(repo, 'snapshots', commit)
    const at = await stat(path).then((s) => s.mtimeMs, () => 0) // prettier-ignore
    if (!newest || at > newest.at) newest = { path, at }
  }
  return newest?.path ?? null
}
