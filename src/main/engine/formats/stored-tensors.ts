/** Tensors that lie in one or more open files: what both format readers hand out. */
import { MoruError } from '../../../shared/errors'
import type { SourceFile } from './source-file'
import type { MetadataType } from './gguf-types'
import type { MetadataValue, TensorInfo, WeightFile } from './weight-file'

export interface StoredTensor extends TensorInfo {
  source: SourceFile
  /** First byte of the data, from the start of its file. */
  position: number
}

export class StoredTensors implements WeightFile {
  readonly format: WeightFile['format']
  readonly paths: string[]
  readonly sizeBytes: number
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: ReadonlyMap<string, MetadataValue>
  readonly metadataTypes: ReadonlyMap<string, MetadataType>
  readonly #sources: SourceFile[]
  readonly #stored: ReadonlyMap<string, StoredTensor>

  constructor(
    format: WeightFile['format'],
    sources: SourceFile[],
    tensors: ReadonlyMap<string, StoredTensor>,
    metadata: ReadonlyMap<string, MetadataValue>,
    metadataTypes: ReadonlyMap<string, MetadataType> = new Map(),
  ) {
    this.format = format
    this.paths = sources.map((source) => source.path)
    this.sizeBytes = sources.reduce((sum, source) => sum + source.sizeBytes, 0)
    this.metadata = metadata
    this.metadataTypes = metadataTypes
    this.#sources = sources
    this.#stored = tensors
    const info = ({ name, shape, type, sizeBytes }: StoredTensor): TensorInfo => ({ name, shape, type, sizeBytes })
    this.tensors = new Map([...tensors].map(([name, tensor]) => [name, info(tensor)]))
  }

  async read(name: string, offset: number, length: number): Promise<Uint8Array> {
    const tensor = this.#stored.get(name)
    if (!tensor) throw new MoruError('not_found', `The model has no tensor ${name}.`)
    const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length)
    if (!whole || offset < 0 || length < 0 || offset + length > tensor.sizeBytes) {
      throw new MoruError(
        'invalid_input',
        `Bytes ${offset} to ${offset + length} were asked of tensor ${name}, which has ${tensor.sizeBytes}.`,
      )
    }
    const bytes = new Uint8Array(length)
    await tensor.source.readInto(bytes, tensor.position + offset)
    return bytes
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.close()))
  }
}
