/** Ollama's store: manifests/REGISTRY/NAMESPACE/MODEL/TAG are JSON files that name blobs by their hash. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { type Found } from './scan'

const manifest = z.object({
  layers: z.array(z.object({ mediaType: z.string(), digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) })).max(1000),
})
const maxManifests = 5_000

/** The GGUF models of an Ollama folder; tags that share a blob count once. */
export async function scanOllama(folder: string, signal?: AbortSignal): Promise<Found[]> {
  const found = new Map<string, Found>()
  for await (const { path, name } of manifests(join(folder, 'manifests'))) {
    signal?.throwIfAborted()
    const blob = await weightsBlob(path)
    if (blob === null) continue
    const file = join(folder, 'blobs', blob)
    const size = await stat(file).then((s) => (s.isFile() ? s.size : 0), () => 0) // prettier-ignore
    if (size > 0 && !found.has(file)) found.set(file, { path: file, name, sizeBytes: size })
  }
  return [...found.values()]
}

/** What Ollama calls the model of a blob, or null for any other file. */
export async function ollamaName(path: string): Promise<string | null> {
  if (basename(dirname(path)) !== 'blobs' || !/^sha256-[0-9a-f]{64}$/.test(basename(path))) return null
  return (await scanOllama(dirname(dirname(path)))).find((model) => model.path === path)?.name ?? null
}

async function* manifests(root: string): AsyncGenerator<{ path: string; name: string }> {
  const names = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of names.filter((one) => one.isFile()).slice(0, maxManifests)) {
    const path = join(entry.parentPath, entry.name)
    const parts = path.slice(root.length + 1).split(/[\\/]/)
    if (parts.length !== 4) continue
    const [registry, namespace, model, tag] = parts
    const shown = [
      registry === 'registry.ollama.ai' ? null : registry,
      namespace === 'library' ? null : namespace,
      model,
    ]
    yield { path, name: `${shown.filter((part) => part !== null).join('/')}:${tag}` }
  }
}

async function weightsBlob(path: string): Promise<string | null> {
  try {
    if ((await stat(path)).size > 1 << 20) return null
    const { layers } = manifest.parse(JSON.parse(await readFile(path, 'utf8')))
    const model = layers.find((layer) => layer.mediaType === 'application/vnd.ollama.image.model')
    return model ? model.digest.replace(':', '-') : null
  } catch {
    return null
  }
}
