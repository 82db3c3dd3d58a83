/** A matrix as it acts on its block's inputs, whatever file it lies in: so that two files can be compared weight by weight. */
import { type WeightFile } from '../formats/weight-file'
import { type ModelConfig } from '../models/config'
import { interleavedInGguf, splitHalves } from '../models/row-order'
import { tensorNames } from '../models/tensor-names'
import { foldsOf, normOffset, scaleInputs } from './fold'
import { linearMatrices, type LinearRole, type ModelMatrix, readValues } from './model-matrices'

export interface OpenModel {
  file: WeightFile
  config: ModelConfig
}

/**
 * Values of `matrix` [rows, cols], rows of queries and keys in the order of split halves. Throws not_found, invalid_file.
 */
export async function orderedValues(model: OpenModel, matrix: ModelMatrix): Promise<Float32Array> {
  const values = await readValues(model.file, matrix.name)
  const turned = matrix.role === 'attn_q' || matrix.role === 'attn_k'
  if (model.file.format !== 'gguf' || !turned || !interleavedInGguf(model.config)) return values
  const out = new Float32Array(values.length)
  const order = splitHalves(model.config.headDim)
  for (let row = 0; row < matrix.rows; row++) {
    const from = order(row)
    out.set(values.subarray(from * matrix.cols, (from + 1) * matrix.cols), row * matrix.cols)
  }
  return out
}

/**
 * `matrix` of `changed` as it acts where `original` stood: scales that a method has hidden in norms, or in the rows of the matrix before
 * (AWQ), are taken out again. Those in norms exactly; those in rows as the factor that fits each row best.
 */
export async function effectiveValues(original: OpenModel, changed: OpenModel, name: string): Promise<Float32Array> {
  const own = find(changed, name)
  const values = Float32Array.from(await orderedValues(changed, own))
  const block = linearMatrices(changed.file, changed.config).filter((m) => m.layer === own.layer)
  const folds = foldsOf(changed.config, new Set(block.map((m) => m.role)))
  for (const { readers, source, shared } of folds) {
    const reads = readers.includes(own.role)
    const makes = 'rows' in source && source.rows === own.role
    if (!reads && !makes) continue
    const scales =
      'norm' in source
        ? await normScales(original, changed, `blk.${own.layer}.${source.norm}.weight`)
        : await fittedScales(original, changed, own.layer, source.rows)
    if (reads) scaleInputs(values, shared ? Float32Array.from(shared, (row) => scales[row]) : scales)
    if (makes)
      scaleRows(
        values,
        own.cols,
        Float32Array.from(scales, (s) => 1 / s),
      )
  }
  return values
}

function find({ file, config }: OpenModel, name: string): ModelMatrix {
  return linearMatrices(file, config).find((m) => m.canonical === name)!
}

/** What each input of the readers is smaller by: the new norm's weight by the old one's. */
async function normScales(original: OpenModel, changed: OpenModel, canonical: string): Promise<Float32Array> {
  const read = async ({ file, config }: OpenModel) => {
    const plus = normOffset(config, file)
    return (await readValues(file, tensorNames(file, config.architecture)(canonical))).map((w) => w + plus)
  }
  const [before, after] = [await read(original), await read(changed)]
  return before.map((w, i) => (w === 0 || after[i] === 0 ? 1 : after[i] / w))
}

/** Rows whose factor is this near to 1 were not scaled: rounding alone moves it about so far. */
const unscaled = 0.02

async function fittedScales(
  original: OpenModel,
  changed: OpenModel,
  layer: number,
  role: LinearRole,
): Promise<Float32Array> {
  const name = `blk.${layer}.${role}.weight`
  const [before, after] = [find(original, name), find(changed, name)]
  const [w, q] = [await orderedValues(original, before), await orderedValues(changed, after)]
  // The matrix that makes the inputs may itself read scaled ones.
  const fold = foldsOf(changed.config, new Set([role])).find((f) => f.readers.includes(role) && 'norm' in f.source)
  if (fold && 'norm' in fold.source)
    scaleInputs(q, await normScales(original, changed, `blk.${layer}.${fold.source.norm}.weight`))
  return Float32Array.from({ length: before.rows }, (_, row) => {
    let product = 0
    let squares = 0
    for (let i = row * before.cols; i < (row + 1) * before.cols; i++) {
      product += w[i] * q[i]
      squares += w[i] * w[i]
    }
    const factor = squares > 0 ? product / squares : 1
    return Math.abs(factor - 1) < unscaled || factor <= 0 ? 1 : factor
  })
}

function scaleRows(values: Float32Array, cols: number, scales: Float32Array): void {
  for (let i = 0; i < values.length; i++) values[i] *= scales[Math.floor(i / cols)]
}
