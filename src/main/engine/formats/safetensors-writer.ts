/** Writes safetensors checkpoints into a folder: model.safetensors, or shards and their index as transformers names them. */
import { join } from 'node:path'
import { MoruError } from '../../../shared/errors'
import { blockTypes } from './block-types'
import { shardName } from './shard-names'
import { planShards } from './shard-plan'
import { tensorBytes } from './tensor-checks'
import type { TensorType } from './weight-file'
import { openWriter, type FilePlan, type TensorDescriptor, type WeightWriter } from './weight-writer'

export interface SafetensorsContents {
  tensors: readonly TensorDescriptor[]
  /** Texts for __metadata__; transformers wants format: 'pt', which is there unless given. */
  metadata?: Readonly<Record<string, string>>
  /** Most bytes of tensor data in a file; default: all in one. */
  shardBytes?: number
}

const dtypes: Partial<Record<TensorType, string>> = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  i8: 'I8',
  u8: 'U8',
  i16: 'I16',
  i32: 'I32',
  i64: 'I64',
}

/**
 * Opens a writer for the checkpoint of `folder`, which must be there.
 * @throws MoruError unsupported (types that safetensors lacks), invalid_input (too many shards), conflict, not_found, io
 */
export async function createSafetensors(folder: string, contents: SafetensorsContents): Promise<WeightWriter> {
  const tensors = contents.tensors.toSorted(byAlignmentAndName)
  const sizes = tensors.map((tensor) => checkedBytes(folder, tensor))
  const shards = planShards(folder, sizes, contents.shardBytes)
  const metadata = { format: 'pt', ...contents.metadata }
  const nameOf = (no: number): string =>
    shards.length === 1 ? 'model.safetensors' : shardName('model', no, shards.length, 'safetensors')
  const plans = shards.map((indices, no) => {
    const own = indices.map((i) => tensors[i])
    const bytes = indices.map((i) => sizes[i])
    return planFile(join(folder, nameOf(no)), metadata, own, bytes)
  })
  if (shards.length === 1) return openWriter(plans)
  return openWriter([planIndex(folder, plans, sizes, nameOf), ...plans])
}

/** The reference implementation's order: wide elements first, so that every tensor lies aligned; then by name. */
function byAlignmentAndName(a: TensorDescriptor, b: TensorDescriptor): number {
  const width = blockTypes[b.type].blockBytes - blockTypes[a.type].blockBytes
  if (width !== 0) return width
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

function checkedBytes(folder: string, { name, shape, type }: TensorDescriptor): number {
  if (!dtypes[type]) throw new MoruError('unsupported', `${name}: safetensors has no tensors of type ${type}.`)
  return tensorBytes(shape, type, () => ({ path: folder, field: name, offset: 0 }))
}

function planFile(
  path: string,
  metadata: Record<string, string>,
  tensors: TensorDescriptor[],
  sizes: number[],
): FilePlan {
  let end = 0
  const entries = tensors.map(({ name, shape, type }, i) => {
    const begin = end
    end += sizes[i]
    return [name, { dtype: dtypes[type], shape, data_offsets: [begin, end] }] as const
  })
  // Spaces make the data begin at a multiple of eight.
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) })
  const length = Math.ceil(Buffer.byteLength(json) / 8) * 8
  const header = Buffer.alloc(8 + length, ' ')
  header.writeBigUInt64LE(BigInt(length), 0)
  header.write(json, 8)
  const places = entries.map(([name, { data_offsets: offsets }], i) => {
    return [name, { position: header.length + offsets[0], sizeBytes: sizes[i] }] as const
  })
  return { path, header, sizeBytes: header.length + end, places: new Map(places) }
}

function planIndex(folder: string, plans: FilePlan[], sizes: number[], nameOf: (no: number) => string): FilePlan {
  const map = plans.flatMap((plan, no) => [...plan.places.keys()].map((name) => [name, nameOf(no)] as const))
  const index = {
    metadata: { total_size: sizes.reduce((a, b) => a + b, 0) },
    weight_map: Object.fromEntries(map.sort()),
  }
  const header = Buffer.from(`${JSON.stringify(index, null, 2)}\n`)
  const path = join(folder, 'model.safetensors.index.json')
  return { path, header, sizeBytes: header.length, places: new Map() }
}
