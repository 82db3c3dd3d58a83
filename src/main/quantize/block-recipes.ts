/** Recipes of GGUF's block types: which type each matrix gets. */
import { blockMethods, type MatrixResult, type QuantizeMethod, type Recipe } from '../../shared/contract/quantize'
import {
  type BlockChoice,
  blockTypes,
  fitToRow,
  isEncoded,
  linearRoles,
  type LinearRole,
  type MatrixRecipe,
  type ModelConfig,
  type ModelMatrix,
  type OuterMatrix,
  presetType,
  type TensorInfo,
} from '../engine'

/** llama.cpp's name of each mix, and the type that most of its matrices have. */
const presets = {
  q3_k_m: { mix: 'Q3_K_M', dominant: 'q3_k' },
  q4_k_m: { mix: 'Q4_K_M', dominant: 'q4_k' },
  q5_k_m: { mix: 'Q5_K_M', dominant: 'q5_k' },
} as const
type Preset = keyof typeof presets
type BlockMethod = (typeof blockMethods)[number]

const isPreset = (method: QuantizeMethod): method is Preset => method in presets
export const isBlockMethod = (method: QuantizeMethod): method is BlockMethod | Preset =>
  isPreset(method) || (blockMethods as readonly string[]).includes(method)

const partsOf = (canonical: string) => /^blk\.(\d+)\.(\w+)\.weight$/.exec(canonical)
const isLinear = (role: string | undefined): role is LinearRole =>
  (linearRoles as readonly string[]).includes(role ?? '')

/** The type of a matrix by its GGUF name; null: it stays as it is. */
export function blockChoice(recipe: Recipe, config: ModelConfig, canonical: string, cols: number): BlockChoice | null {
  const method = recipe.overrides.find((o) => o.name === canonical)?.method ?? recipe.method
  if (isPreset(method)) {
    const known =
      isLinear(partsOf(canonical)?.[2]) || canonical === 'output.weight' || canonical === 'token_embd.weight'
    const model = { layers: config.layers, tied: config.tieWordEmbeddings }
    return known ? presetType(presets[method].mix, { name: canonical, cols }, model) : null
  }
  return isBlockMethod(method) && isLinear(partsOf(canonical)?.[2]) ? fitToRow(method, cols) : null
}

/** What is done to a block's matrix; null: it stays as it is. */
export function blockMatrixRecipe(recipe: Recipe, config: ModelConfig, matrix: ModelMatrix): MatrixRecipe | null {
  const type = blockChoice(recipe, config, matrix.canonical, matrix.cols)?.type
  return type && isEncoded(type) ? { scaled: false, rounding: { method: 'blocks', type } } : null
}

/** The type that most matrices have. */
export const dominantType = (method: BlockMethod | Preset): BlockMethod =>
  isPreset(method) ? presets[method].dominant : method

/** Bits of a code, and of a weight with its share of scales; of f16 both are 16. */
export function blockBits(type: TensorInfo['type']): [number, number] {
  const { blockSize, blockBytes } = blockTypes[type]
  const stored = (8 * blockBytes) / blockSize
  return [Number(/^q(\d)_/.exec(type)?.[1] ?? stored), stored]
}

export function outerResult({ canonical: name, type, relativeError, weightMse }: OuterMatrix): MatrixResult {
  const role = name.startsWith('token_embd') ? 'embedding' : 'output'
  const [bits, bitsPerWeight] = blockBits(type)
  const method = type as BlockMethod
  return { name, layer: null, role, method, bits, group: null, relativeError, weightMse, bitsPerWeight }
}
