/** Writes a model whose matrices are in GGUF's block types. */
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { fileTypes, ggufMetadataFor } from '../convert/model-files'
import { convertedBytes, convertedWeights } from '../convert/read-weights'
import { planTensors, type PlannedTensor } from '../convert/tensor-plan'
import { writeGgufModel } from '../convert/write-tensors'
import { type TensorType, type WeightFile } from '../formats/weight-file'
import { type ModelConfig } from '../models/config'
import { dequantize } from '../quant/blocks/dequantize'
import { encodeBlocks, type EncodedMatrix, type EncodedType, isEncoded } from '../quant/blocks/encode'
import { checkWeights } from '../quant/methods'
import { Pace } from './pace'
import { type BlockOutcome, importanceFor } from './quantize-block'
import { isInBlocks } from './rounded-matrix'

/** A matrix outside the model's blocks, an embedding or a head. */
export interface OuterMatrix {
  canonical: string
  rows: number
  cols: number
  type: TensorType
  /** ||W - Q|| / ||W||, of the weights themselves: rows of an embedding are outputs as they are. */
  relativeError: number
  weightMse: number
}

export interface WriteBlocksOptions {
  /** A block as it was quantized. */
  block: (layer: number) => Promise<BlockOutcome>
  /** What a matrix is written as; null: it stays as it is. */
  typeOf: (matrix: { canonical: string; cols: number }) => EncodedType | 'f16' | null
  /** How much an error of each input of a matrix outside the blocks counts, by GGUF's name of the weights. */
  importance?: ReadonlyMap<string, Float32Array>
  /** general.file_type is that of the type most matrices have. */
  dominant: TensorType
  /** Key-value pairs about how the file was made. */
  metadata: Record<string, string>
  onOuter: (matrix: OuterMatrix) => void
  signal?: AbortSignal
}

interface TypedTensor extends PlannedTensor {
  type: TensorType
  /** Where its data comes from: a block's outcome, rounding that is done here, or the source. */
  from: 'outcome' | 'rounding' | 'source'
}

/** Throws unsupported or invalid_file where GGUF cannot hold the model, whatever its matrices are rounded to. */
export async function demandGgufModel(file: WeightFile, config: ModelConfig): Promise<void> {
  planTensors(file, config, 'gguf')
  await ggufMetadataFor(file, config)
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
  const { signal } = options
  const blocks = new BlockReader(options.block)
  const pace = new Pace(signal)
  const { writer } = await writeGgufModel(file, config, out, {
    metadata,
    tensors,
    read: (tensor) => {
      if (tensor.from === 'outcome') return rounded(tensor, blocks, signal)
      if (tensor.from === 'rounding') return rounding(file, tensor, options, pace)
      return convertedBytes(file, tensor, tensor.type, signal)
    },
    signal,
  })
  return writer.sizeBytes
}

function typed(tensor: PlannedTensor, file: WeightFile, { typeOf }: WriteBlocksOptions): TypedTensor {
  const { shape, source, name } = tensor
  const type = shape.length === 2 ? typeOf({ canonical: name, cols: shape[1] }) : null
  if (type) return { ...tensor, type, from: !isEncoded(type) ? 'source' : blockOf(name) === null ? 'rounding' : 'outcome' } // prettier-ignore
  const kept = file.format === 'gguf' && !source.quantized
  return { ...tensor, type: kept ? source.type : shape.length < 2 ? 'f32' : 'f16', from: 'source' }
}

function blockOf(canonical: string): number | null {
  const block = /^blk\.(\d+)\./.exec(canonical)
  return block && Number(block[1])
}

/** Keeps the last block in memory: a file has its tensors block by block. */
class BlockReader {
  private readonly open: WriteBlocksOptions['block']
  private layer = -1
  private outcome: BlockOutcome | null = null

  constructor(open: WriteBlocksOptions['block']) {
    this.open = open
  }

  /** Throws internal where the block has not rounded it to such blocks. */
  async matrix({ name, type }: TypedTensor): Promise<EncodedMatrix> {
    const layer = blockOf(name)!
    if (this.layer !== layer || !this.outcome) this.outcome = await this.open(layer)
    this.layer = layer
    const found = this.outcome.matrices.find(({ matrix }) => matrix.canonical === name)?.quantized
    if (found && isInBlocks(found) && found.type === type) return found
    throw new MoruError('internal', `${name} was not rounded to ${type}.`)
  }
}

async function* rounded(tensor: TypedTensor, blocks: BlockReader, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  throwIfCancelled(signal)
  const { bytes, rows } = await blocks.matrix(tensor)
  const { order } = tensor
  if (!order) return yield bytes
  const rowBytes = bytes.length / rows
  const moved = new Uint8Array(bytes.length)
  for (let row = 0; row < rows; row++) {
    const from = order(row) * rowBytes
    moved.set(bytes.subarray(from, from + rowBytes), row * rowBytes)
  }
  yield moved
}

/** Weights that are rounded between two chances to stop. */
const partWeights = 65_536

async function* rounding(
  file: WeightFile,
  tensor: TypedTensor,
  { onOuter, importance, signal }: WriteBlocksOptions,
  pace: Pace,
): AsyncGenerator<Uint8Array> {
  const { type, shape, name: canonical } = tensor
  if (!isEncoded(type)) return
  const [rows, cols] = shape
  const inputs = importanceFor(canonical, cols, importance)
  let [off, all, row] = [0, 0, 0]
  for await (const weights of convertedWeights(file, tensor, signal)) {
    const step = Math.max(1, Math.floor(partWeights / cols)) * cols
    for (let at = 0; at < weights.length; at += step) {
      const own = weights.subarray(at, at + step)
      checkWeights(own, cols, row)
      row += own.length / cols
      const bytes = encodeBlocks(type, own, cols, inputs)
      dequantize(type, bytes, own.length).forEach((q, i) => {
        off += (q - own[i]) ** 2
        all += own[i] ** 2
      })
      yield bytes
      await pace.rest()
    }
  }
  onOuter({ canonical, rows, cols, type, relativeError: all > 0 ? Math.sqrt(off / all) : 0, weightMse: off / (rows * cols) }) // prettier-ignore
}
