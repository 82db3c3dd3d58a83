/** Writes a model's matrices in GGUF's block types. */
import { MoruError } from '../../../shared/errors'
import { fileTypes, ggufMetadataFor } from '../convert/model-files'
import { convertedBytes, convertedWeights } from '../convert/read-weights'
import { planTensors, type PlannedTensor } from '../convert/tensor-plan'
import { writeGgufModel } from '../convert/write-tensors'
import { type TensorType, type WeightFile } from '../formats/weight-file'
import { type ModelConfig } from '../models/config'
import { dequantize } from '../quant/blocks/dequantize'
import { encodeBlocks, isEncoded } from '../quant/blocks/encode'
import { type BlockChoice } from '../quant/blocks/presets'
import { Pace } from './pace'

export interface BlockMatrix {
  canonical: string
  rows: number
  cols: number
  type: TensorType
  /** ||W - Q|| / ||W||, of the weights themselves. */
  relativeError: number
  weightMse: number
}

export interface WriteBlocksOptions {
  /** The block type of a matrix; null: it stays as it is. */
  typeOf: (matrix: { canonical: string; cols: number }) => BlockChoice | null
  /** By GGUF's name of the weights: how much an error of each input counts. */
  importance?: ReadonlyMap<string, Float32Array>
  /** general.file_type is that of the type most matrices have. */
  dominant: TensorType
  /** Key-value pairs about how the file was made. */
  metadata: Record<string, string>
  onMatrix: (matrix: BlockMatrix) => void
  signal?: AbortSignal
}

interface TypedTensor extends PlannedTensor {
  type: TensorType
  encoded: boolean
}

/** @returns bytes of the file. @throws MoruError unsupported, invalid_input (weights that are no numbers), conflict, io, cancelled; nothing is left then */
export async function writeBlocks(
  file: WeightFile,
  config: ModelConfig,
  out: string,
  options: WriteBlocksOptions,
): Promise<number> {
  const tensors = planTensors(file, config, 'gguf').map((tensor) => typed(tensor, file, options))
  const metadata = new Map(await ggufMetadataFor(file, config, fileTypes[options.dominant]))
  for (const [key, value] of Object.entries(options.metadata)) metadata.set(key, { type: 'string', value })
  const pace = new Pace(options.signal)
  const { writer } = await writeGgufModel(file, config, out, {
    metadata,
    tensors,
    read: (tensor) =>
      tensor.encoded ? encoded(file, tensor, options, pace) : convertedBytes(file, tensor, tensor.type, options.signal),
    signal: options.signal,
  })
  return writer.sizeBytes
}

function typed(tensor: PlannedTensor, file: WeightFile, { typeOf }: WriteBlocksOptions): TypedTensor {
  const { shape, source } = tensor
  const choice = shape.length === 2 ? typeOf({ canonical: tensor.name, cols: shape[1] }) : null
  if (choice) return { ...tensor, type: choice.type, encoded: isEncoded(choice.type) }
  const kept = file.format === 'gguf' && !source.quantized
  return { ...tensor, type: kept ? source.type : shape.length < 2 ? 'f32' : 'f16', encoded: false }
}

async function* encoded(
  file: WeightFile,
  tensor: TypedTensor,
  { onMatrix, importance, signal }: WriteBlocksOptions,
  pace: Pace,
): AsyncGenerator<Uint8Array> {
  const { type, shape, name } = tensor
  if (!isEncoded(type)) return
  const [rows, cols] = shape
  const inputs = importance?.get(name)
  if (inputs && inputs.length !== cols)
    throw new MoruError(
      'invalid_input',
      `The importance matrix has ${inputs.length} inputs for ${name}, which has ${cols}: it belongs to another model.`,
    )
  let [off, all] = [0, 0]
  for await (const weights of convertedWeights(file, tensor, signal)) {
    const step = Math.max(1, Math.floor(65_536 / cols)) * cols
    for (let at = 0; at < weights.length; at += step) {
      const own = weights.subarray(at, at + step)
      const bytes = encodeBlocks(type, own, cols, inputs)
      dequantize(type, bytes, own.length).forEach((q, i) => {
        off += (q - own[i]) ** 2
        all += own[i] ** 2
      })
      yield bytes
      await pace.rest()
    }
  }
  onMatrix({ canonical: name, rows, cols, type, relativeError: all > 0 ? Math.sqrt(off / all) : 0, weightMse: off / (rows * cols) }) // prettier-ignore
}
