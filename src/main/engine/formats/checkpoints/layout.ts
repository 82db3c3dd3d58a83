/** How a checkpoint keeps quantized matrices: which tensors make one up, and what is in them. */
import { MoruError } from '../../../../shared/errors'
import { checkQuantizedMatrix, type CodeLayout, type QuantizedMatrix } from '../quantized-matrix'
import type { TensorInfo, WeightFile } from '../weight-file'
import type { TensorDescriptor } from '../weight-writer'

/** A matrix that an open file keeps in parts. */
export interface StoredMatrix {
  /** Under the name of the weights that the parts stand for. */
  info: TensorInfo & { quantized: CodeLayout }
  /** The file's tensors that make it up. */
  parts: readonly string[]
  read(): Promise<QuantizedMatrix>
}

/** What a layout's parts hold of a matrix; the rest is known before they are read. */
export type CodeArrays = Pick<QuantizedMatrix, 'codes' | 'scales' | 'zeros' | 'groupOf'>

interface StoredMatrixParts {
  rows: number
  cols: number
  layout: CodeLayout
  /** The type of the scales. */
  type: TensorInfo['type']
  tensors: readonly TensorInfo[]
  read(): Promise<CodeArrays>
}

/** A matrix that is checked as it is read. */
export function storedMatrix(weight: string, parts: StoredMatrixParts): StoredMatrix {
  const { rows, cols, layout, type, tensors } = parts
  const { bits, group, offset, codebook, inputThreshold } = layout
  const sizeBytes = tensors.reduce((sum, tensor) => sum + tensor.sizeBytes, 0)
  return {
    info: { name: weight, shape: [rows, cols], type, sizeBytes, quantized: layout },
    parts: tensors.map((tensor) => tensor.name),
    async read() {
      const arrays = await parts.read()
      const matrix: QuantizedMatrix = { rows, cols, bits, group, offset, codebook, ...arrays }
      if (inputThreshold !== undefined) matrix.inputThreshold = inputThreshold
      checkQuantizedMatrix(matrix, weight)
      return matrix
    },
  }
}

/** One part of a matrix, ready to be written. */
export interface MatrixPart {
  name: string
  bytes: Uint8Array
}

/** Writes matrices in a layout of the wild. */
export interface MatrixWriter {
  /**
   * The parts that `weight` (such as model.layers.0.mlp.up_proj.weight) will have.
   * @throws MoruError unsupported where the layout cannot hold such a matrix
   */
  describe(weight: string, rows: number, cols: number, layout: CodeLayout): TensorDescriptor[]
  /** Their contents, in the same order. @throws MoruError unsupported where the layout cannot hold the matrix */
  encode(weight: string, matrix: QuantizedMatrix): MatrixPart[]
}

/** 'model.layers.0.mlp.up_proj' of 'model.layers.0.mlp.up_proj.weight'. */
export function stemOf(weight: string): string {
  if (weight.endsWith('.weight')) return weight.slice(0, -'.weight'.length)
  throw new MoruError('internal', `${weight} is not named like the weights of a linear layer.`)
}

export function brokenMatrix(weight: string, problem: string): MoruError {
  return new MoruError(
    'invalid_file',
    `${weight}: ${problem}. The checkpoint is damaged, or its configuration belongs to another: download the folder again.`,
  )
}

export function unreadMatrix(weight: string, problem: string): MoruError {
  return new MoruError(
    'unsupported',
    `${weight}: ${problem}. docs/formats.md lists the quantized checkpoints that Moru reads.`,
  )
}

/** Of a matrix that the named layout has no room for. */
export function cannotHold(weight: string, layout: string, problem: string): MoruError {
  return new MoruError(
    'unsupported',
    `${weight}: ${problem}; the ${layout} layout cannot hold it. Leave the matrix out of the recipe.`,
  )
}

/** Throws unsupported unless all zeros are whole ones from 0 to `most`. */
export function demandWholeZeros(weight: string, layout: string, zeros: Float32Array | null, most: number): void {
  const odd = zeros?.find((zero) => !Number.isInteger(zero) || zero < 0 || zero > most)
  if (odd === undefined) return
  throw new MoruError(
    'unsupported',
    `${weight}: a zero of ${odd}; the ${layout} layout holds whole ones from 0 to ${most}.`,
  )
}

/** A tensor of a stored matrix, with its shape and type checked. */
export function partOf(
  file: WeightFile,
  weight: string,
  name: string,
  types: readonly TensorInfo['type'][],
  shape: readonly number[],
): TensorInfo {
  const part = file.tensors.get(name)
  if (!part) throw brokenMatrix(weight, `its part ${name} is missing`)
  if (!types.includes(part.type)) {
    throw brokenMatrix(weight, `${name} is ${part.type}, where ${types.join(' or ')} belongs`)
  }
  if (part.shape.length === shape.length && part.shape.every((dim, i) => dim === shape[i])) return part
  throw brokenMatrix(weight, `${name} is [${part.shape.join(', ')}], where [${shape.join(', ')}] belongs`)
}

/** All bytes of a part. */
export function readPart(file: WeightFile, part: TensorInfo): Promise<Uint8Array> {
  return file.read(part.name, 0, part.sizeBytes)
}
