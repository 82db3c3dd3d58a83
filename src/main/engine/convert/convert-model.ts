/** Writes a model in the other format, in another element type, or in other shards. */
import { MoruError } from '../../../shared/errors'
import { blockTypes } from '../formats/block-types'
import { OutputFolder } from '../formats/output-folder'
import { createSafetensors } from '../formats/safetensors-writer'
import { elementsOf, integerTypes, type TensorType, type WeightFile } from '../formats/weight-file'
import { finishWith, type WeightWriter } from '../formats/weight-writer'
import { readModelConfig } from '../models/load-decoder'
import { encodedTypes } from './encode-weights'
import { fileTypes, ggufMetadataFor, writeFolderFiles } from './model-files'
import { convertedBytes } from './read-weights'
import { planTensors, type Format, type PlannedTensor } from './tensor-plan'
import { writeGgufModel, writeTensors } from './write-tensors'

export interface ConvertOptions {
  /** Element type of the matrices; default: as they are, but f16 where the format has no such type. */
  type?: TensorType
  /** Most bytes of tensors in a file; default: one file. */
  shardBytes?: number
  onProgress?: (doneBytes: number, totalBytes: number) => void
  signal?: AbortSignal
}

export interface Converted {
  /** What to open: the file, its first shard, or the folder. */
  path: string
  format: Format
  sizeBytes: number
  /** Weight files written. */
  files: number
  /** Types by the number of weights that they hold. */
  types: Partial<Record<TensorType, number>>
}

/** A path that ends so is a GGUF file; any other is a folder. */
export const targetFormat = (out: string): Format => (out.endsWith('.gguf') ? 'gguf' : 'safetensors')

interface TypedTensor extends PlannedTensor {
  type: TensorType
}

/**
 * @param file an open model; stays open
 * @param out a path that ends in .gguf, or that of a folder; must not be there yet
 * @throws MoruError unsupported (no such model, type or tokenizer in the format), conflict, io, cancelled; then nothing is left
 */
export async function convertModel(file: WeightFile, out: string, options: ConvertOptions = {}): Promise<Converted> {
  const target = targetFormat(out)
  const config = await readModelConfig(file)
  const planned = planTensors(file, config, target)
  const choice = { target, same: file.format === target, wanted: options.type, plain: plainType(planned) }
  const tensors = planned.map((tensor) => ({ ...tensor, type: typeOf(tensor, choice) }))
  const data = {
    ...options,
    tensors,
    read: (tensor: TypedTensor) => convertedBytes(file, tensor, tensor.type, options.signal),
  }
  if (target === 'safetensors') {
    const output = await OutputFolder.create(out)
    return output.filledBy(async () => {
      await writeFolderFiles(output, file, config, torchType(tensors))
      const writer = await createSafetensors(output.path, { tensors, shardBytes: options.shardBytes })
      const paths = await finishWith(writer, () => writeTensors(writer, data))
      return { path: output.destination, format: target, ...summary(writer, paths, tensors) }
    })
  }
  const changed = file.format === 'safetensors' || options.type !== undefined
  const metadata = await ggufMetadataFor(file, config, changed ? fileTypes[dominantType(tensors)] : undefined)
  const { writer, paths } = await writeGgufModel(file, config, out, { ...data, metadata })
  return { path: paths[0], format: target, ...summary(writer, paths, tensors) }
}

/** Vectors and the short tables of positions and token types stay in f32 in GGUF: llama.cpp wants them so. */
const keptInFull = /^(position_embd|token_types)\.weight$/
const floats: ReadonlySet<TensorType> = new Set(['f32', 'f16', 'bf16'])

/** The type that all plain tensors have, else f16. */
function plainType(planned: readonly PlannedTensor[]): TensorType {
  const types = new Set(planned.filter(({ shape }) => shape.length > 1).map(({ source }) => source.type))
  const quantized = planned.some(({ source }) => source.quantized)
  const [type] = types
  return types.size === 1 && !quantized && floats.has(type) ? type : 'f16'
}

interface TypeChoice {
  target: Format
  /** Whether the source has the target's format. */
  same: boolean
  wanted?: TensorType
  /** What becomes of tensors whose type the target lacks. */
  plain: TensorType
}

function typeOf({ source, name, shape }: PlannedTensor, { target, same, wanted, plain }: TypeChoice): TensorType {
  const { type, quantized } = source
  if (integerTypes.has(type) && !quantized) return type
  if (same && wanted === undefined && !quantized) return type
  if (target === 'gguf' && (shape.length < 2 || keptInFull.test(name))) return 'f32'
  const chosen = wanted ?? (target === 'gguf' && floats.has(type) && !quantized ? type : plain)
  if (target === 'safetensors' && !floats.has(chosen)) {
    throw new MoruError(
      'unsupported',
      `safetensors has no ${chosen}: choose f16, bf16 or f32, or a path that ends in .gguf.`,
    )
  }
  if (chosen === type && !quantized) return chosen
  if (!encodedTypes.includes(chosen)) {
    const known = encodedTypes.join(', ')
    throw new MoruError('unsupported', `Moru does not write ${chosen}: choose one of ${known}, or quantize the model.`)
  }
  return (shape.at(-1) ?? 1) % blockTypes[chosen].blockSize === 0 ? chosen : 'f16'
}

function countTypes(tensors: readonly TypedTensor[]): Map<TensorType, number> {
  const counts = new Map<TensorType, number>()
  for (const { type, shape } of tensors) counts.set(type, (counts.get(type) ?? 0) + elementsOf(shape))
  return counts
}

function dominantType(tensors: readonly TypedTensor[]): TensorType {
  return [...countTypes(tensors)].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'f32'
}

function torchType(tensors: readonly TypedTensor[]): 'float32' | 'float16' | 'bfloat16' {
  const type = dominantType(tensors)
  return type === 'f32' ? 'float32' : type === 'bf16' ? 'bfloat16' : 'float16'
}

function summary(writer: WeightWriter, paths: string[], tensors: readonly TypedTensor[]) {
  const files = paths.filter((path) => !path.endsWith('.json')).length
  return { sizeBytes: writer.sizeBytes, files, types: Object.fromEntries(countTypes(tensors)) }
}
