/** Opens safetensors checkpoints: one file, or the shards that model.safetensors.index.json names. */
import { basename, dirname, join, resolve } from 'node:path'
import { figure, invalidSet, quoted } from './file-error'
import { readJsonObject } from './read-json'
import { readSafetensorsHeader } from './safetensors-header'
import { mostShards } from './shard-names'
import { SourceFile } from './source-file'
import { StoredTensors, type StoredTensor } from './stored-tensors'
import type { WeightFile } from './weight-file'

const together = 'Download the folder again, all files from one revision.'

/**
 * Opens one safetensors file; the header is read and checked, weights are not.
 * @throws MoruError not_found, invalid_file (naming tensor and byte offset), unsupported or io
 */
export function openSafetensors(path: string): Promise<WeightFile> {
  return openAll([resolve(path)], (tensors) => tensors)
}

/**
 * Opens all shards that an index file names; each tensor must be in exactly the shard that the index says.
 * @throws as openSafetensors
 */
export async function openSafetensorsIndex(path: string): Promise<WeightFile> {
  const index = resolve(path)
  const shardOf = await readIndex(index)
  const names = [...new Set(shardOf.values())].sort()
  if (names.length > mostShards) {
    throw invalidSet(index, `it names ${figure(names.length)} shards; at most ${mostShards} are read`, together)
  }
  const paths = names.map((name) => join(dirname(index), name))
  return openAll(paths, (tensors) => checkAgainstIndex(index, shardOf, tensors))
}

async function openAll(
  paths: string[],
  check: (tensors: Map<string, StoredTensor>) => Map<string, StoredTensor>,
): Promise<WeightFile> {
  const sources: SourceFile[] = []
  try {
    const merged = new Map<string, StoredTensor>()
    for (const path of paths) {
      const source = await SourceFile.open(path)
      sources.push(source)
      for (const [name, tensor] of await readSafetensorsHeader(source)) {
        const other = merged.get(name)?.source.path
        if (other) throw invalidSet(path, `tensor ${quoted(name)} is in ${basename(other)} as well`, together)
        merged.set(name, tensor)
      }
    }
    return new StoredTensors('safetensors', sources, check(merged), new Map())
  } catch (thrown) {
    await Promise.all(sources.map((source) => source.close()))
    throw thrown
  }
}

/** Shard file names by tensor. */
async function readIndex(path: string): Promise<Map<string, string>> {
  const source = await SourceFile.open(path)
  try {
    const { object } = await readJsonObject(source, 0, source.sizeBytes, 'index')
    const map = object.get('weight_map')
    if (!(map instanceof Map) || map.size === 0) throw invalidSet(path, 'weight_map is missing or empty', together)
    const shards = new Map<string, string>()
    for (const [tensor, file] of map) shards.set(tensor, checkShardName(path, tensor, file))
    return shards
  } finally {
    await source.close()
  }
}

/** A shard lies beside its index: its name is a plain file name and leads nowhere else. */
function checkShardName(path: string, tensor: string, name: unknown): string {
  if (typeof name === 'string' && /^[^/\\:\p{Cc}]+\.safetensors$/u.test(name) && !name.includes('..')) return name
  const shown = typeof name === 'string' ? quoted(name) : String(name)
  throw invalidSet(
    path,
    `weight_map: tensor ${quoted(tensor)} lies in ${shown}, which is no plain .safetensors name`,
    together,
  )
}

function checkAgainstIndex(
  index: string,
  shardOf: Map<string, string>,
  tensors: Map<string, StoredTensor>,
): Map<string, StoredTensor> {
  for (const [name, shard] of shardOf) {
    const tensor = tensors.get(name)
    if (tensor && basename(tensor.source.path) === shard) continue
    throw invalidSet(index, `weight_map: tensor ${quoted(name)} is not in ${shard}`, together)
  }
  const extra = [...tensors.keys()].find((name) => !shardOf.has(name))
  if (extra === undefined) return tensors
  throw invalidSet(index, `weight_map does not name tensor ${quoted(extra)}, which a shard holds`, together)
}
