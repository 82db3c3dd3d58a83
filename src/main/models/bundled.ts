/** The models that come with Moru: one folder each below resources/models. They have no rows: the folder may move with the program. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { inspectModel, type Inspection } from './inspect'
import { firstShard } from './model-path'

/** What lies in the folder of bundled models, by name. A damaged one is left out: the others still work. */
export async function bundledModels(folder: string): Promise<Inspection[]> {
  const found: Inspection[] = []
  for (const path of await bundledPaths(folder)) {
    const inspection = await inspectModel(path).catch(() => null)
    if (inspection) found.push(inspection)
  }
  return found
}

async function bundledPaths(folder: string): Promise<string[]> {
  const paths: string[] = []
  const folders = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of folders.filter((one) => one.isDirectory()).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const inside = join(folder, entry.name)
    const names = await readdir(inside)
    const gguf = names.filter((name) => name.endsWith('.gguf') && firstShard(name) === name)
    paths.push(...gguf.sort().map((name) => join(inside, name)))
    if (gguf.length === 0 && names.includes('config.json')) paths.push(inside)
  }
  return paths
}
