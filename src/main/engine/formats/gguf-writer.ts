/** Writes GGUF models: one file, or shards named and numbered as llama.cpp's gguf-split does. */
import { MoruError } from '../../../shared/errors'
import { encodeGgufHeader } from './gguf-encode'
import { type GgufMetadata, type GgufValue } from './gguf-types'
import { shardName } from './shard-names'
import { planShards } from './shard-plan'
import { tensorBytes } from './tensor-checks'
import { openWriter, type FilePlan, type TensorDescriptor, type WeightWriter } from './weight-writer'

export interface GgufContents {
  /** In the order that the file will have. Keys of a split are the writer's own: split.no and its kind are replaced. */
  metadata: GgufMetadata
  tensors: readonly TensorDescriptor[]
  /** Most bytes of tensor data in a file; default: all in one. */
  shardBytes?: number
}

/** Longest tensor name that llama.cpp takes: GGML_MAX_NAME less the closing zero. */
const longestName = 63
const defaultAlignment = 32

/**
 * Opens a writer for `path`, or for NAME-00001-of-0000N.gguf beside it where shards are needed.
 * @throws MoruError invalid_input (names GGML cannot take, more shards than readers open), unsupported (types GGUF lacks), conflict, not_found, io
 */
export async function createGguf(path: string, contents: GgufContents): Promise<WeightWriter> {
  const metadata = new Map([...contents.metadata].filter(([key]) => !key.startsWith('split.')))
  const sizes = contents.tensors.map((tensor) => checkedBytes(path, tensor))
  const shards = planShards(path, sizes, contents.shardBytes)
  const stem = path.replace(/\.gguf$/, '')
  const plans = shards.map((indices, no) => {
    const whole = shards.length === 1
    const own = whole ? metadata : shardMetadata(metadata, no, shards.length, sizes.length)
    const tensors = indices.map((i) => contents.tensors[i])
    const bytes = indices.map((i) => sizes[i])
    return planFile(whole ? path : shardName(stem, no, shards.length, 'gguf'), own, tensors, bytes)
  })
  return openWriter(plans)
}

function checkedBytes(path: string, { name, shape, type }: TensorDescriptor): number {
  if (Buffer.byteLength(name) > longestName) {
    throw new MoruError('invalid_input', `${name}: the name is longer than the ${longestName} bytes that GGML takes.`)
  }
  return tensorBytes(shape, type, () => ({ path, field: name, offset: 0 }))
}

/** The first shard has all metadata; the others say only which they are. */
function shardMetadata(metadata: GgufMetadata, no: number, count: number, tensors: number): GgufMetadata {
  const split: [string, GgufValue][] = [
    ['split.no', { type: 'u16', value: no }],
    ['split.count', { type: 'u16', value: count }],
    ['split.tensors.count', { type: 'i32', value: tensors }],
  ]
  if (no === 0) return new Map([...metadata, ...split])
  const alignment = metadata.get('general.alignment')
  return new Map([...(alignment ? [['general.alignment', alignment] as const] : []), ...split])
}

function planFile(path: string, metadata: GgufMetadata, tensors: TensorDescriptor[], sizes: number[]): FilePlan {
  const stated = metadata.get('general.alignment')?.value
  const alignment = typeof stated === 'number' ? stated : defaultAlignment
  const align = (bytes: number): number => Math.ceil(bytes / alignment) * alignment
  let end = 0
  const offsets = sizes.map((bytes) => {
    const begin = end
    end += align(bytes)
    return begin
  })
  const header = encodeGgufHeader(metadata, tensors, offsets)
  const dataStart = align(header.length)
  const places = tensors.map(({ name }, i) => {
    return [name, { position: dataStart + offsets[i], sizeBytes: sizes[i] }] as const
  })
  return { path, header, sizeBytes: dataStart + end, places: new Map(places) }
}
