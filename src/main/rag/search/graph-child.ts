/**
 * The program of the child process that holds HNSW graphs (Malkov and Yashunin, arXiv 1603.09320) by usearch. Its calls
 * block, and a damaged file may take the process down: neither is to happen to the host. It is started from its text
 * (graph-process.ts), so it imports nothing but Node's own modules and what it is told the path of.
 */
import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { GraphReply, GraphRequest } from './graph-messages'

interface Graph {
  add(keys: BigUint64Array, vectors: Float32Array[], threads: number): void
  remove(key: bigint): number
  search(vector: Float32Array, k: number, threads: number): { keys: BigUint64Array; distances: Float32Array }
  size(): number
  dimensions(): number
  save(path: string): void
  load(path: string): void
}
interface Usearch {
  Index: new (options: Record<string, unknown>) => Graph
}

const { Index } = createRequire(import.meta.url)(process.env.MORU_USEARCH as string) as Usearch
const graphs = new Map<string, { index: Graph; dim: number; keys: Set<number> }>()
const names = { graph: 'graph.usearch', keys: 'keys.f64', checksum: 'sha256' }

/** Of both files together. */
function checksumOf(folder: string): string {
  const hash = createHash('sha256')
  for (const name of [names.graph, names.keys]) hash.update(readFileSync(join(folder, name)))
  return hash.digest('hex')
}

// f16 halves the memory and costs no recall that can be measured; the graph's settings are in docs/retrieval.md.
const empty = (dim: number) =>
  new Index({
    dimensions: dim,
    metric: 'ip',
    quantization: 'f16',
    connectivity: 16,
    expansion_add: 96,
    expansion_search: 64,
    multi: false,
  })

function load(dim: number, folder: string) {
  // usearch takes over whatever the file says, so a damaged one must not come to it.
  if (readFileSync(join(folder, names.checksum), 'utf8') !== checksumOf(folder)) throw new Error('its file is damaged')
  const bytes = readFileSync(join(folder, names.keys))
  const keys = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  const index = empty(dim)
  index.load(join(folder, names.graph))
  if (index.dimensions() !== dim || index.size() !== keys.length)
    throw new Error(
      `the graph has ${index.size()} vectors of ${index.dimensions()} numbers; ${keys.length} of ${dim} are expected`,
    )
  return { index, dim, keys: new Set(keys) }
}

function opened(name: string) {
  const graph = graphs.get(name)
  if (!graph) throw new Error(`the graph "${name}" is not open`)
  return graph
}

function add(name: string, keys: Float64Array, vectors: Float32Array): void {
  const { index, dim, keys: known } = opened(name)
  const rows = Array.from(keys, (_, i) => vectors.subarray(i * dim, (i + 1) * dim))
  index.add(BigUint64Array.from(keys, BigInt), rows, 1)
  for (const key of keys) known.add(key)
}

function search(name: string, query: Float32Array, limit: number): GraphReply {
  const { index, keys: known } = opened(name)
  if (known.size === 0) return { keys: new Float64Array(0), scores: new Float32Array(0) }
  const { keys, distances } = index.search(query, Math.min(limit, known.size), 1)
  return { keys: Float64Array.from(keys, Number), scores: distances.map((d) => 1 - d) }
}

function answer(request: GraphRequest): GraphReply {
  switch (request.kind) {
    case 'create':
      graphs.set(request.graph, { index: empty(request.dim), dim: request.dim, keys: new Set() })
      break
    case 'load':
      graphs.set(request.graph, load(request.dim, request.folder))
      return { keys: Float64Array.from(opened(request.graph).keys) }
    case 'add':
      add(request.graph, request.keys, request.vectors)
      break
    case 'remove':
      for (const key of request.keys)
        if (opened(request.graph).keys.delete(key)) opened(request.graph).index.remove(BigInt(key))
      break
    case 'search':
      return search(request.graph, request.query, request.limit)
    case 'save': {
      const { index, keys } = opened(request.graph)
      rmSync(join(request.folder, names.graph), { force: true })
      index.save(join(request.folder, names.graph))
      writeFileSync(join(request.folder, names.keys), Float64Array.from(keys))
      writeFileSync(join(request.folder, names.checksum), checksumOf(request.folder))
      break
    }
    case 'rename':
      graphs.set(request.to, opened(request.graph))
      graphs.delete(request.graph)
      break
    case 'close':
      graphs.delete(request.graph)
  }
  return { keys: new Float64Array(0) }
}

process.on('message', ({ id, request }: { id: number; request: GraphRequest }) => {
  try {
    process.send?.({ id, reply: answer(request) })
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? error.message : String(error) })
  }
})
// The host has gone.
process.on('disconnect', () => process.exit(0))
