/** Opens GGUF models: one file, or shards named NAME-00001-of-0000N.gguf as llama.cpp's gguf-split writes them. */
import { basename, dirname, join, resolve } from 'node:path'
import { MoruError } from '../../../shared/errors'
import { figure, invalidSet, quoted } from './file-error'
import { readGgufHeader, type GgufHeader } from './gguf-header'
import { checkVocabulary } from './gguf-vocabulary'
import { mostShards, shardName } from './shard-names'
import { SourceFile } from './source-file'
import { StoredTensors, type StoredTensor } from './stored-tensors'
import type { MetadataValue, WeightFile } from './weight-file'

/** Keys that each shard has of its own. */
const ownKeys: ReadonlySet<string> = new Set(['split.no', 'split.count', 'split.tensors.count', 'general.alignment'])
const together = 'Put all shards of one download into one folder, with their names unchanged.'

/**
 * Opens a GGUF file, or all shards of a model given its first; headers are read and checked, weights are not.
 * @throws MoruError not_found, invalid_file (naming field and byte offset), unsupported or io
 */
export async function openGguf(path: string): Promise<WeightFile> {
  const headers: GgufHeader[] = []
  try {
    headers.push(await openHeader(resolve(path)))
    for (const shard of shardPaths(headers[0]).slice(1)) headers.push(await openShard(shard, headers))
    const metadata = mergeMetadata(headers)
    checkVocabulary(headers[0].source.path, metadata)
    return new StoredTensors(
      'gguf',
      headers.map((header) => header.source),
      mergeTensors(headers),
      metadata,
      new Map(headers.toReversed().flatMap((header) => [...header.metadataTypes])),
    )
  } catch (thrown) {
    await Promise.all(headers.map((header) => header.source.close()))
    throw thrown
  }
}

async function openHeader(path: string): Promise<GgufHeader> {
  const source = await SourceFile.open(path)
  try {
    return await readGgufHeader(source)
  } catch (thrown) {
    await source.close()
    throw thrown
  }
}

/** The paths of all shards, the given one first. */
function shardPaths(first: GgufHeader): string[] {
  const { path } = first.source
  const count = splitNumber(first, 'split.count') ?? 1
  if (count === 1 || count === 0) return [path]
  if (count > mostShards) {
    throw invalidSet(path, `split.count is ${figure(count)}; at most ${mostShards} shards are read`, together)
  }
  const name = basename(path)
  const match = /^(.+)-(\d{5})-of-(\d{5})\.gguf$/.exec(name)
  const shard = (no: number): string => shardName(match?.[1] ?? 'NAME', no, count, 'gguf')
  if (!match || Number(match[3]) !== count) {
    throw invalidSet(path, `the file is one of ${count} shards, but is not named like one (${shard(0)})`, together)
  }
  const no = splitNumber(first, 'split.no')
  if (no !== 0 || Number(match[2]) !== 1) {
    throw invalidSet(path, `this is not the first of the model's ${count} shards`, `Open ${shard(0)} instead.`)
  }
  return Array.from({ length: count }, (_, i) => join(dirname(path), shard(i)))
}

function splitNumber(header: GgufHeader, key: string): number | undefined {
  const value = header.metadata.get(key)
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value
  throw invalidSet(header.source.path, `${key} is not a whole number`, together)
}

async function openShard(path: string, before: GgufHeader[]): Promise<GgufHeader> {
  const header = await openHeader(path).catch((thrown: unknown) => {
    if (!(thrown instanceof MoruError) || thrown.code !== 'not_found') throw thrown
    throw new MoruError('not_found', `The shard ${basename(path)} is missing from ${dirname(path)}. ${together}`)
  })
  try {
    checkShard(header, before)
    return header
  } catch (thrown) {
    await header.source.close()
    throw thrown
  }
}

function checkShard(header: GgufHeader, before: GgufHeader[]): void {
  const { path, identity } = header.source
  const twin = before.find((other) => other.source.identity === identity)
  if (twin) throw invalidSet(path, `it is the same file as shard ${basename(twin.source.path)}`, together)
  const count = splitNumber(before[0], 'split.count')
  if (splitNumber(header, 'split.no') !== before.length || splitNumber(header, 'split.count') !== count) {
    const found = `shard ${Number(header.metadata.get('split.no')) + 1} of ${String(header.metadata.get('split.count'))}`
    throw invalidSet(path, `it says it is ${found}, not ${before.length + 1} of ${count}`, together)
  }
}

/** The first shard's pairs, and what later shards add; shards that contradict each other belong to different models. */
function mergeMetadata(headers: GgufHeader[]): Map<string, MetadataValue> {
  const merged = new Map(headers[0].metadata)
  for (const { source, metadata } of headers.slice(1)) {
    for (const [key, value] of metadata) {
      if (ownKeys.has(key)) continue
      const known = merged.get(key)
      if (known === undefined) merged.set(key, value)
      else if (!sameValue(known, value)) {
        throw invalidSet(source.path, `its value of ${quoted(key)} differs from the first shard's`, together)
      }
    }
  }
  return merged
}

function sameValue(a: MetadataValue, b: MetadataValue): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b
  return a.length === b.length && Array.prototype.every.call(a, (value, i) => value === b[i])
}

function mergeTensors(headers: GgufHeader[]): Map<string, StoredTensor> {
  const merged = new Map<string, StoredTensor>()
  for (const { source, tensors } of headers) {
    for (const [name, tensor] of tensors) {
      const other = merged.get(name)
      if (other) {
        const problem = `tensor ${quoted(name)} is in shard ${basename(other.source.path)} as well`
        throw invalidSet(source.path, problem, together)
      }
      merged.set(name, tensor)
    }
  }
  const stated = splitNumber(headers[0], 'split.tensors.count')
  if (headers.length > 1 && stated !== undefined && stated !== merged.size) {
    const problem = `split.tensors.count is ${figure(stated)}, but the shards hold ${figure(merged.size)} tensors`
    throw invalidSet(headers[0].source.path, problem, together)
  }
  return merged
}
