/** Looks through a folder tree for models, within bounds: other programs' folders may hold anything, links in circles too. */
import { type Dirent } from 'node:fs'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { allShards, firstShard, isCompanionGguf, nameFromPath } from '../model-path'

export interface Found {
  path: string
  name: string
  sizeBytes: number
}

export interface Bounds {
  /** Folders below the first. */
  depth: number
  /** Directory entries looked at in all. */
  entries: number
}

export const defaultBounds: Bounds = { depth: 6, entries: 50_000 }

/** Models in `folder` and below. What cannot be read is passed over. */
export async function scanFolder(folder: string, bounds = defaultBounds, signal?: AbortSignal): Promise<Found[]> {
  const found: Found[] = []
  const visited = new Set<string>()
  let entriesLeft = bounds.entries
  const queue = [{ folder, depth: 0 }]
  for (let next = queue.shift(); next !== undefined && entriesLeft > 0; next = queue.shift()) {
    signal?.throwIfAborted()
    const real = await realpath(next.folder).catch(() => null)
    if (real === null || visited.has(real)) continue
    visited.add(real)
    const entries = (await readdir(next.folder, { withFileTypes: true }).catch(() => [] as Dirent[])).slice(
      0,
      entriesLeft,
    )
    entriesLeft -= entries.length
    found.push(...(await modelsAmong(next.folder, entries.map((entry) => entry.name)))) // prettier-ignore
    if (next.depth === bounds.depth) continue
    for (const entry of entries)
      if (entry.isDirectory() || entry.isSymbolicLink())
        queue.push({ folder: join(next.folder, entry.name), depth: next.depth + 1 })
  }
  return found
}

/** The models that the files of one folder make up. */
async function modelsAmong(folder: string, names: string[]): Promise<Found[]> {
  const found: Found[] = []
  for (const name of names) {
    if (!/\.gguf$/i.test(name) || firstShard(name) !== name || isCompanionGguf(name)) continue
    const sizeBytes = await sizeOfAll(folder, allShards(name))
    if (sizeBytes !== null) found.push({ path: join(folder, name), name: nameFromPath(name), sizeBytes })
  }
  if (!names.includes('config.json')) return found
  const weights = names.filter((name) => /^model(-\d{5}-of-\d{5})?\.safetensors$/.test(name))
  if (weights.length === 0 || !(await isPlainCheckpoint(join(folder, 'config.json')))) return found
  const sizeBytes = await sizeOfAll(folder, [...new Set(weights.flatMap(allShards))])
  if (sizeBytes !== null) found.push({ path: folder, name: nameFromPath(folder), sizeBytes })
  return found
}

/** Bytes of all files together, or null when one is missing or empty, as in a download that has not ended. */
async function sizeOfAll(folder: string, names: string[]): Promise<number | null> {
  let sum = 0
  for (const name of names) {
    const file = await stat(join(folder, name)).catch(() => null)
    if (!file?.isFile() || file.size === 0) return null
    sum += file.size
  }
  return sum
}

/** Whether a config.json describes a transformers model whose weights are not quantized by MLX or another program. */
async function isPlainCheckpoint(path: string): Promise<boolean> {
  try {
    const { size } = await stat(path)
    const config = size <= 1 << 20 ? JSON.parse(await readFile(path, 'utf8')) : {}
    return typeof config.model_type === 'string' && !config.quantization && !config.quantization_config
  } catch {
    return false
  }
}
