/** What a path means as a model: the file or folder that stands for it, and what to call it. */
import { readdir, realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { MoruError } from '../../shared/errors'

const shard = /^(.+)-(\d{5})-of-(\d{5})\.(gguf|safetensors)$/i

/** The first shard's name of a sharded file's, or the name itself. */
export function firstShard(name: string): string {
  const match = shard.exec(name)
  return match ? `${match[1]}-00001-of-${match[3]}.${match[4]}` : name
}

/** Names of all shards of a file, itself included; of a whole file just its name. */
export function allShards(name: string): string[] {
  const match = shard.exec(name)
  if (!match) return [name]
  // Five digits allow 99,999; more than the engine opens are not worth naming.
  const count = Math.min(Number(match[3]), 1000)
  return Array.from(
    { length: count },
    (_, i) => `${match[1]}-${String(i + 1).padStart(5, '0')}-of-${match[3]}.${match[4]}`,
  )
}

export const isShard = (name: string): boolean => shard.test(name)

/** GGUF files that accompany a model and are none: vision projectors and importance matrices. */
export const isCompanionGguf = (name: string): boolean => /mmproj|imatrix/i.test(name)

/**
 * The path that stands for the model someone names: any shard leads to the first, any file of a safetensors folder
 * (weights, index, configuration, tokenizer) to the folder, and a folder with one GGUF model to its file. Links in the
 * folder's path are resolved, so that one model has one path; a link in place of the file keeps its name.
 * @throws MoruError not_found, invalid_input
 */
export async function modelPath(named: string): Promise<string> {
  const path = resolve(named.replace(/^~(?=$|[\\/])/, homedir()))
  const found = await stat(path).catch(() => null)
  if (!found) throw new MoruError('not_found', `There is no file or folder ${path}.`)
  if (found.isDirectory()) return folderModel(await realpath(path))
  const folder = await realpath(dirname(path))
  const name = basename(path)
  if (/^model\.safetensors$|\.index\.json$|\.json$|^tokenizer\.model$/.test(name)) return folderModel(folder)
  if (name.endsWith('.safetensors') && isShard(name)) return folderModel(folder)
  return join(folder, firstShard(name))
}

/** A safetensors folder is its own path; else the one GGUF model in it. What else is wrong, opening it says. */
async function folderModel(folder: string): Promise<string> {
  const names = await readdir(folder)
  if (names.some((name) => name === 'model.safetensors' || name === 'model.safetensors.index.json')) return folder
  const models = names.filter((name) => name.endsWith('.gguf') && firstShard(name) === name && !isCompanionGguf(name))
  return models.length === 1 ? join(folder, models[0]) : folder
}

/** What to call a model by its path alone. The Hugging Face cache names folders by commit: there the repository's name. */
export function nameFromPath(path: string): string {
  const cached = /[\\/]models--(?:[^\\/]+?--)?([^\\/]+)[\\/]snapshots[\\/][^\\/]+$/.exec(path)
  if (cached) return cached[1]
  const name = basename(path)
  return (shard.exec(name)?.[1] ?? name.replace(/\.(gguf|safetensors)$/i, '')) || path
}

/** A short readable id: lower-case letters of any script, digits, dots, underscores and dashes. */
export function slug(name: string): string {
  const plain = name.normalize('NFC').toLowerCase().replace(/[^\p{L}\p{N}._]+/gu, '-') // prettier-ignore
  return (
    [...plain.replace(/^[-.]+/, '')]
      .slice(0, 80)
      .join('')
      .replace(/[-.]+$/, '') || 'model'
  )
}

/** `wanted`, or with the first number after it that is free. */
export function uniqueId(wanted: string, isTaken: (id: string) => boolean): string {
  if (!isTaken(wanted)) return wanted
  for (let n = 2; ; n++) if (!isTaken(`${wanted}-${n}`)) return `${wanted}-${n}`
}
