/** Fills the files of a model, tensor after tensor. */
import { throwIfCancelled } from '../../../shared/errors'
import type { GgufMetadata } from '../formats/gguf-types'
import { createGguf } from '../formats/gguf-writer'
import type { WeightFile } from '../formats/weight-file'
import { finishWith, type TensorDescriptor, type WeightWriter } from '../formats/weight-writer'
import type { ModelConfig } from '../models/config'
import { ropeFactors } from './write-config'

export interface TensorData<T extends TensorDescriptor> {
  tensors: readonly T[]
  /** A tensor's data, piece by piece. */
  read: (tensor: T) => AsyncIterable<Uint8Array>
  onProgress?: (doneBytes: number, totalBytes: number) => void
  signal?: AbortSignal
}

/** @throws MoruError cancelled, io, and as `read` does */
export async function writeTensors<T extends TensorDescriptor>(
  writer: WeightWriter,
  { tensors, read, onProgress, signal }: TensorData<T>,
): Promise<void> {
  let done = 0
  for (const tensor of tensors) {
    for await (const bytes of read(tensor)) {
      await writer.write(tensor.name, bytes)
      onProgress?.((done += bytes.length), writer.sizeBytes)
    }
  }
  throwIfCancelled(signal)
}

/**
 * Writes a GGUF model of `file`: its tensors and, before them, the divisors of its frequencies where its own configuration scales them.
 * @throws MoruError as createGguf and writeTensors; nothing is left then
 */
export async function writeGgufModel<T extends TensorDescriptor>(
  file: WeightFile,
  { rope }: ModelConfig,
  out: string,
  model: TensorData<T> & { metadata: GgufMetadata; shardBytes?: number },
): Promise<{ writer: WeightWriter; paths: string[] }> {
  const factors = file.format === 'safetensors' ? ropeFactors(rope) : null
  const name = 'rope_freqs.weight'
  const extra = factors ? [{ name, shape: [factors.length], type: 'f32' as const }] : []
  const { metadata, shardBytes } = model
  const writer = await createGguf(out, { metadata, tensors: [...extra, ...model.tensors], shardBytes })
  const paths = await finishWith(writer, async () => {
    if (factors) await writer.write(name, new Uint8Array(factors.buffer))
    await writeTensors(writer, model)
  })
  return { writer, paths }
}
