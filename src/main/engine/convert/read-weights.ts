/** Reads tensors as another format wants them: rows reordered, transposed, shifted, dequantized, a few megabytes at a time. */
import { throwIfCancelled } from '../../../shared/errors'
import { blockTypes } from '../formats/block-types'
import { dequantizeMatrix } from '../formats/quantized-matrix'
import { elementsOf, type TensorType, type WeightFile } from '../formats/weight-file'
import { dequantize } from '../quant/blocks/dequantize'
import { encodeWeights } from './encode-weights'
import type { PlannedTensor } from './tensor-plan'

/** f32 bytes handed out at a time. */
const pieceBytes = 4 << 20

/** The tensor's data as `type`, in pieces of whole rows. @throws MoruError cancelled, and as the readers do */
export async function* convertedBytes(
  file: WeightFile,
  tensor: PlannedTensor,
  type: TensorType,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { source, transposed, plus } = tensor
  if (type === source.type && !source.quantized && !transposed && plus === undefined) {
    yield* rawRows(file, tensor, signal)
    return
  }
  for await (const values of convertedWeights(file, tensor, signal)) yield encodeWeights(type, values, tensor.name)
}

/** The same as f32. */
export async function* convertedWeights(
  file: WeightFile,
  tensor: PlannedTensor,
  signal?: AbortSignal,
): AsyncGenerator<Float32Array> {
  const { source, plus } = tensor
  const width = tensor.shape.at(-1) ?? 1
  if (source.quantized) yield* expandedRows(file, tensor, signal)
  else if (tensor.transposed) {
    throwIfCancelled(signal)
    const bytes = await file.read(source.name, 0, source.sizeBytes)
    yield transpose(dequantize(source.type, bytes, elementsOf(source.shape)), width)
  } else {
    for await (const bytes of rawRows(file, tensor, signal)) {
      const { blockSize, blockBytes } = blockTypes[source.type]
      const values = dequantize(source.type, bytes, (bytes.length / blockBytes) * blockSize)
      yield plus === undefined ? values : values.map((value) => value + plus)
    }
  }
}

/** The whole tensor as f32, rows as the target has them. */
export async function readConverted(
  file: WeightFile,
  tensor: PlannedTensor,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const whole = new Float32Array(elementsOf(tensor.shape))
  let at = 0
  for await (const values of convertedWeights(file, tensor, signal)) {
    whole.set(values, at)
    at += values.length
  }
  return whole
}

/** Bytes of whole rows in the target's order, as the source has them. */
async function* rawRows(file: WeightFile, tensor: PlannedTensor, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const { source, order, shape } = tensor
  const vector = shape.length < 2
  const { blockSize, blockBytes } = blockTypes[source.type]
  const rowElements = vector ? 1 : shape.at(-1)!
  // A vector's elements are what order moves; without one it goes as a whole.
  const rows = vector ? elementsOf(shape) : elementsOf(shape) / rowElements
  const rowBytes = vector ? blockBytes / blockSize : (rowElements / blockSize) * blockBytes
  if (order) {
    throwIfCancelled(signal)
    const whole = await file.read(source.name, 0, source.sizeBytes)
    const moved = new Uint8Array(rows * rowBytes)
    for (let row = 0; row < rows; row++) {
      const from = order(row) * rowBytes
      moved.set(whole.subarray(from, from + rowBytes), row * rowBytes)
    }
    yield moved
    return
  }
  const pieceRows = vector ? rows : Math.max(1, Math.floor(pieceBytes / (4 * rowElements)))
  for (let first = 0; first < rows; first += pieceRows) {
    throwIfCancelled(signal)
    yield await file.read(source.name, first * rowBytes, Math.min(pieceRows, rows - first) * rowBytes)
  }
}

async function* expandedRows(
  file: WeightFile,
  { source, order, shape }: PlannedTensor,
  signal?: AbortSignal,
): AsyncGenerator<Float32Array> {
  const matrix = await file.readQuantized!(source.name)
  const [rows, cols] = shape
  const pieceRows = order ? 1 : Math.max(1, Math.floor(pieceBytes / (4 * cols)))
  for (let first = 0; first < rows; first += pieceRows) {
    throwIfCancelled(signal)
    yield dequantizeMatrix(matrix, order ? order(first) : first, Math.min(pieceRows, rows - first))
  }
}

/** [width, height] as [height, width]. */
function transpose(values: Float32Array, width: number): Float32Array {
  const height = values.length / width
  const turned = new Float32Array(values.length)
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) turned[row * width + column] = values[column * height + row]
  return turned
}
