/** Presents the quantized matrices of a safetensors checkpoint under the names of the weights that they stand for. */
import { MoruError } from '../../../../shared/errors'
import type { QuantizedMatrix } from '../quantized-matrix'
import type { MetadataValue, TensorInfo, WeightFile } from '../weight-file'
import { findAwq } from './awq'
import { announcedWeight, findBitsandbytes4 } from './bitsandbytes'
import { findGptq } from './gptq'
import { brokenMatrix, type StoredMatrix } from './layout'
import { findLlmInt8 } from './llm-int8'
import { readQuantizationConfig, type CheckpointConfig } from './quantization-config'

/**
 * `file` as it is where it has no quantized matrices. Closes it when it throws.
 * @throws MoruError invalid_file (parts that do not fit), unsupported (layouts that Moru does not read)
 */
export async function withQuantizedMatrices(file: WeightFile): Promise<WeightFile> {
  try {
    const matrices = await findMatrices(file)
    return matrices.length === 0 ? file : new QuantizedCheckpoint(file, matrices)
  } catch (thrown) {
    await file.close()
    throw thrown
  }
}

async function findMatrices(file: WeightFile): Promise<StoredMatrix[]> {
  const found: StoredMatrix[] = []
  let config: CheckpointConfig | null = null
  for (const name of file.tensors.keys()) {
    const announced = announcedWeight(name)
    if (announced) found.push(await findBitsandbytes4(file, announced.weight, announced.codebook))
    else if (name.endsWith('.SCB')) found.push(await findLlmInt8(file, name.slice(0, -'.SCB'.length)))
    else if (name.endsWith('.qweight')) {
      config ??= await readQuantizationConfig(file.paths[0])
      const stem = name.slice(0, -'.qweight'.length)
      found.push(config.method === 'gptq' ? await findGptq(file, stem, config) : findAwq(file, stem, config))
    }
  }
  return found
}

class QuantizedCheckpoint implements WeightFile {
  readonly format: WeightFile['format']
  readonly paths: string[]
  readonly sizeBytes: number
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: ReadonlyMap<string, MetadataValue>
  readonly #file: WeightFile
  readonly #matrices: ReadonlyMap<string, StoredMatrix>

  constructor(file: WeightFile, matrices: readonly StoredMatrix[]) {
    this.format = file.format
    this.paths = file.paths
    this.sizeBytes = file.sizeBytes
    this.metadata = file.metadata
    this.#file = file
    this.#matrices = new Map(matrices.map((matrix) => [matrix.info.name, matrix]))
    const tensors = new Map(file.tensors)
    for (const part of matrices.flatMap((matrix) => matrix.parts)) tensors.delete(part)
    for (const { info } of matrices) {
      if (tensors.has(info.name)) throw brokenMatrix(info.name, 'it is there twice, as it is and in parts')
      tensors.set(info.name, info)
    }
    this.tensors = tensors
  }

  async read(name: string, offset: number, length: number): Promise<Uint8Array> {
    if (this.tensors.has(name) && !this.#matrices.has(name)) return this.#file.read(name, offset, length)
    if (!this.#matrices.has(name)) throw new MoruError('not_found', `The model has no tensor ${name}.`)
    throw new MoruError('internal', `${name} is quantized: its bytes are no weights.`)
  }

  async readQuantized(name: string): Promise<QuantizedMatrix> {
    const matrix = this.#matrices.get(name)
    if (matrix) return matrix.read()
    throw new MoruError('not_found', `The model has no quantized tensor ${name}.`)
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
