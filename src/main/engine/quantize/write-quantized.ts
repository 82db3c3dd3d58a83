/** Writes a quantized model as a safetensors folder in the layouts that other programs read. */
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { encodeWeights } from '../convert/encode-weights'
import { writeFolderFiles } from '../convert/model-files'
import { convertedBytes, readConverted } from '../convert/read-weights'
import { planTensors, type PlannedTensor } from '../convert/tensor-plan'
import { awqWriter } from '../formats/checkpoints/awq'
import { bitsandbytes4Writer } from '../formats/checkpoints/bitsandbytes'
import { gptqWriter } from '../formats/checkpoints/gptq'
import { type MatrixWriter, stemOf } from '../formats/checkpoints/layout'
import { llmInt8Writer } from '../formats/checkpoints/llm-int8'
import {
  awqConfig,
  bitsandbytes4Config,
  bitsandbytes8Config,
  gptqConfig,
  type GptqSettings,
} from '../formats/checkpoints/quantization-config'
import { OutputFolder } from '../formats/output-folder'
import { codeLayoutOf, type CodeLayout, type QuantizedMatrix } from '../formats/quantized-matrix'
import { createSafetensors } from '../formats/safetensors-writer'
import { integerTypes, type TensorType, type WeightFile } from '../formats/weight-file'
import { finishWith, type TensorDescriptor, type WeightWriter } from '../formats/weight-writer'
import { type ModelConfig } from '../models/config'
import { quantizeScales } from '../quant/double-quantization'
import { OverlayFile } from './overlay-file'
import { type BlockOutcome } from './quantize-block'
import { inCodes } from './rounded-matrix'

export type CheckpointLayout = 'gptq' | 'awq' | 'nf4' | 'fp4' | 'int8'

export interface QuantizedModel {
  layout: CheckpointLayout
  /** bitsandbytes: scales are quantized too. */
  double: boolean
  layers: number
  /** A block as it was quantized; read twice. */
  block(layer: number): Promise<BlockOutcome>
}

export interface WriteOptions {
  /** For __metadata__: recipe, hash of the calibration text, figures. */
  metadata: Record<string, string>
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

interface PlannedMatrix extends PlannedTensor {
  layout: CodeLayout | null
  /** Block that it belongs to. */
  layer: number | null
}

/**
 * @param out the folder; must not be there yet
 * @returns bytes of the weights. @throws MoruError unsupported (what the layout cannot hold), conflict, io, cancelled; nothing is left then
 */
export async function writeQuantized(
  file: WeightFile,
  config: ModelConfig,
  out: string,
  model: QuantizedModel,
  options: WriteOptions,
): Promise<number> {
  const layouts = await codeLayouts(model)
  const tensors = planTensors(file, config, 'safetensors').map((tensor): PlannedMatrix => {
    const block = /^blk\.(\d+)\./.exec(tensor.canonical ?? '')
    return { ...tensor, layout: layouts.get(tensor.source.name) ?? null, layer: block && Number(block[1]) }
  })
  const writer = matrixWriter(model)
  const descriptors = tensors.flatMap((t): TensorDescriptor[] =>
    t.layout
      ? writer.describe(t.name, t.shape[0], t.shape[1], t.layout)
      : [{ name: t.name, shape: t.shape, type: plainType(t) }],
  )
  const output = await OutputFolder.create(out)
  return output.filledBy(async () => {
    await writeFolderFiles(output, file, config, 'float16', quantizationConfig(model, tensors))
    const weights = await createSafetensors(output.path, { tensors: descriptors, metadata: options.metadata })
    await finishWith(weights, async () => {
      await fill(weights, file, tensors, model, options)
      throwIfCancelled(options.signal)
    })
    return weights.sizeBytes
  })
}

/**
 * Matrices as 16-bit floats; vectors keep their precision: they are few, and every activation passes through them. Integers (BERT's
 * position ids) are no weights and stay.
 */
const plainType = ({ shape, source }: PlannedTensor): TensorType =>
  integerTypes.has(source.type) ? source.type : shape.length > 1 ? (source.type === 'bf16' ? 'bf16' : 'f16') : source.type === 'f16' || source.type === 'bf16' ? source.type : 'f32' // prettier-ignore

async function codeLayouts(model: QuantizedModel): Promise<Map<string, CodeLayout>> {
  const found = new Map<string, CodeLayout>()
  for (let layer = 0; layer < model.layers; layer++)
    for (const { matrix, quantized } of (await model.block(layer)).matrices)
      found.set(matrix.name, codeLayoutOf(inCodes(quantized)))
  return found
}

function matrixWriter({ layout, double }: QuantizedModel): MatrixWriter {
  switch (layout) {
    case 'gptq':
      return gptqWriter
    case 'awq':
      return awqWriter
    case 'int8':
      return llmInt8Writer
    case 'nf4':
    case 'fp4':
      return bitsandbytes4Writer(double ? quantizeScales : null)
  }
}

function quantizationConfig({ layout, double }: QuantizedModel, tensors: PlannedMatrix[]): Record<string, unknown> {
  const own = tensors.flatMap((t) => (t.layout ? [{ name: stemOf(t.name), layout: t.layout, cols: t.shape[1] }] : []))
  if (own.length === 0) throw new MoruError('invalid_input', 'The recipe leaves every matrix as it is.')
  const plain = tensors.filter((t) => !t.layout && t.shape.length === 2 && t.layer !== null).map((t) => stemOf(t.name))
  switch (layout) {
    case 'awq':
      return awqConfig(own[0].layout.group, plain)
    case 'int8':
      return bitsandbytes8Config(6, ['lm_head', ...plain])
    case 'nf4':
    case 'fp4':
      return bitsandbytes4Config(layout, double, ['lm_head', ...plain])
    case 'gptq':
      return gptqConfig(gptqSettings(own))
  }
}

/** The commonest bits and group are the configuration's; the others are exceptions to it. */
function gptqSettings(own: { name: string; layout: CodeLayout; cols: number }[]): GptqSettings {
  const sizeOf = ({ layout, cols }: (typeof own)[number]) => (layout.group === cols ? -1 : layout.group)
  const counts = new Map<string, { bits: number; groupSize: number; count: number }>()
  for (const one of own) {
    const key = `${one.layout.bits} ${sizeOf(one)}`
    const known = counts.get(key) ?? { bits: one.layout.bits, groupSize: sizeOf(one), count: 0 }
    counts.set(key, { ...known, count: known.count + 1 })
  }
  const [{ bits, groupSize }] = [...counts.values()].sort((a, b) => b.count - a.count)
  const exceptions = own.filter((one) => one.layout.bits !== bits || sizeOf(one) !== groupSize)
  return {
    bits,
    groupSize,
    symmetric: own.every(({ layout }) => !layout.affine),
    actOrder: own.some(({ layout }) => layout.ordered),
    exceptions: Object.fromEntries(
      exceptions.map((one) => [
        `^${one.name.replaceAll('.', '\\.')}$`,
        { bits: one.layout.bits, groupSize: sizeOf(one) },
      ]),
    ),
  }
}

async function fill(
  weights: WeightWriter,
  file: WeightFile,
  tensors: PlannedMatrix[],
  model: QuantizedModel,
  { signal, onProgress }: WriteOptions,
): Promise<void> {
  let done = 0
  const write = async (name: string, bytes: Uint8Array) => {
    throwIfCancelled(signal)
    await weights.write(name, bytes)
    onProgress?.((done += bytes.length), weights.sizeBytes)
  }
  for (const tensor of tensors.filter((t) => t.layer === null))
    for await (const bytes of convertedBytes(file, tensor, plainType(tensor), signal)) await write(tensor.name, bytes)
  const writer = matrixWriter(model)
  for (let layer = 0; layer < model.layers; layer++) {
    const { matrices, vectors } = await model.block(layer)
    const overlay = new OverlayFile(file, vectors)
    for (const tensor of tensors.filter((t) => t.layer === layer)) {
      const own = matrices.find(({ matrix }) => matrix.name === tensor.source.name)
      if (own) {
        const codes = inCodes(own.quantized)
        const ordered = tensor.order ? reordered(codes, tensor.order) : codes
        for (const { name, bytes } of writer.encode(tensor.name, ordered)) await write(name, bytes)
      } else {
        const source = overlay.tensors.get(tensor.source.name)!
        const values = await readConverted(overlay, { ...tensor, source }, signal)
        await write(tensor.name, encodeWeights(plainType(tensor), values, tensor.name))
      }
    }
  }
}

/** Rows in another order: row r of the result is row order(r). */
function reordered(matrix: QuantizedMatrix, order: (row: number) => number): QuantizedMatrix {
  const { rows, cols, group, codes, scales, zeros } = matrix
  const groups = cols / group
  const out = {
    ...matrix,
    codes: new Uint8Array(codes.length),
    scales: new Float32Array(scales.length),
    zeros: zeros && new Float32Array(zeros.length),
  }
  for (let r = 0; r < rows; r++) {
    const from = order(r)
    out.codes.set(codes.subarray(from * cols, (from + 1) * cols), r * cols)
    out.scales.set(scales.subarray(from * groups, (from + 1) * groups), r * groups)
    if (zeros) out.zeros!.set(zeros.subarray(from * groups, (from + 1) * groups), r * groups)
  }
  return out
}
