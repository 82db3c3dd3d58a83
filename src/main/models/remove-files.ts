/** Deletes what a download brought, and nothing else. */
import { lstat, realpath, rm, rmdir } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { MoruError } from '../../shared/errors'
import { type ModelRow } from '../store'
import { companions } from './hub/companions'

/**
 * Deletes a downloaded model's weight files, the known files beside safetensors, and folders that are empty then. Only plain
 * files that really lie inside the models folder, whatever links say, and none that another model of the library uses.
 * @throws MoruError io
 */
export async function deleteDownload(row: ModelRow, modelsFolder: string, others: ModelRow[]): Promise<void> {
  const inUse = new Set(others.flatMap((other) => other.files.map((file) => file.path)))
  const root = await realpath(modelsFolder)
  const paths = row.files.map((file) => file.path)
  const shared = others.some((other) => other.path === row.path || dirname(other.path) === row.path)
  if (row.format === 'safetensors' && !shared)
    paths.push(...[...companions].map((name) => join(dirname(row.files[0].path), name)))
  try {
    for (const path of paths) if (!inUse.has(path) && (await isOwnFile(path, root))) await rm(path)
    for (const folder of new Set(paths.map((path) => dirname(path)))) await removeEmpty(folder, root)
  } catch (cause) {
    throw new MoruError('io', `Not all files of "${row.name}" could be deleted: ${(cause as Error).message}`, { cause })
  }
}

async function isOwnFile(path: string, root: string): Promise<boolean> {
  const folder = await realpath(dirname(path)).catch(() => null)
  if (folder === null || !`${folder}${sep}`.startsWith(`${root}${sep}`)) return false
  return lstat(path).then((found) => found.isFile(), () => false) // prettier-ignore
}

/** Removes empty folders from here up to the models folder, which stays. */
async function removeEmpty(folder: string, root: string): Promise<void> {
  let real = await realpath(folder).catch(() => root)
  while (real.startsWith(`${root}${sep}`)) {
    if (!(await rmdir(real).then(() => true, () => false))) return // prettier-ignore
    real = dirname(real)
  }
}
