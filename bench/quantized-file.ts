/** A model whose matrices are quantized as they are read: what a checkpoint of that method would hold, without the file. */
import { dequantize } from '../src/main/engine/quant/blocks/dequantize'
import { codeLayoutOf, type QuantizedMatrix } from '../src/main/engine/formats/quantized-matrix'
import { type TensorInfo, type WeightFile } from '../src/main/engine/formats/weight-file'

/** `quantize` gets a tensor's weights and inputs a row; it is asked of those that `chosen` names. `type` is that of scales. */
export interface InMemoryQuantization {
  chosen: (name: string) => boolean
  quantize: (weights: Float32Array, cols: number, name: string) => QuantizedMatrix
  type: 'f16' | 'f32'
}

/** Quantizes once to know the layout, and again when it is read: nothing is kept. */
export async function quantizedFile(file: WeightFile, how: InMemoryQuantization): Promise<WeightFile> {
  const matrixOf = async ({ name, type, sizeBytes, shape }: TensorInfo) => {
    const [rows, cols] = shape
    return how.quantize(dequantize(type, await file.read(name, 0, sizeBytes), rows * cols), cols, name)
  }
  const tensors = new Map(file.tensors)
  for (const info of file.tensors.values()) {
    if (!how.chosen(info.name) || info.shape.length !== 2) continue
    const [, cols] = info.shape
    // A row tells the layout, but for groups out of order, which any row shares.
    const row = dequantize(info.type, await file.read(info.name, 0, info.sizeBytes / info.shape[0]), cols)
    tensors.set(info.name, { ...info, type: how.type, quantized: codeLayoutOf(how.quantize(row, cols, info.name)) })
  }
  return {
    format: file.format,
    paths: file.paths,
    sizeBytes: file.sizeBytes,
    metadata: file.metadata,
    tensors,
    read: (name, offset, length) => file.read(name, offset, length),
    readQuantized: (name) => matrixOf(file.tensors.get(name)!),
    close: () => file.close(),
  }
}
