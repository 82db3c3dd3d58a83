/** A model's metadata with the types that its file gives it, so that a copy is the same to the bit. */
import type { GgufMetadata, GgufValue } from './gguf-types'
import type { WeightFile } from './weight-file'

/** Empty for safetensors. Keys that say how a file is split are left out: a copy is split in its own way. */
export function ggufMetadataOf(file: WeightFile): GgufMetadata {
  const typed = new Map<string, GgufValue>()
  for (const [key, value] of file.metadata) {
    const type = file.metadataTypes?.get(key)
    if (type === undefined || key.startsWith('split.')) continue
    const shape = typeof type === 'string' ? { type } : { type: 'array', of: type.arrayOf }
    typed.set(key, { ...shape, value } as GgufValue)
  }
  return typed
}
