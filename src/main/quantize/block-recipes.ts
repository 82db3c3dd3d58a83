/** Recipes of GGUF's block types: which type each matrix gets, and the run that writes them. */
import { blockMethods, type MatrixResult, type QuantizeMethod, type Recipe } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import {
  type BlockChoice,
  type BlockMatrix,
  blockTypes,
  fitToRow,
  linearRoles,
  type LinearRole,
  type ModelConfig,
  presetType,
  type TensorInfo,
  type WeightFile,
  writeBlocks,
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

export interface BlockRun {
  recipe: Recipe
  out: string
  metadata: Record<string, string>
  /** By GGUF's name of the weights. */
  importance?: ReadonlyMap<string, Float32Array>
}

/** Throws unsupported for a method that GGUF has no type for, and what writing throws. @returns bytes of the file */
export async function writeBlockRecipe(
  file: WeightFile,
  config: ModelConfig,
  { recipe, out, metadata, importance }: BlockRun,
  onMatrix: (matrix: MatrixResult) => void,
  signal: AbortSignal,
): Promise<number> {
  const { method } = recipe
  if (!isBlockMethod(method))
    throw new MoruError(
      'unsupported',
      `GGUF has no type for ${method}: give a folder's path, or choose one of ${[...blockMethods, ...Object.keys(presets)].join(', ')}.`,
    )
  return writeBlocks(file, config, out, {
    typeOf: ({ canonical, cols }) => blockChoice(recipe, config, canonical, cols),
    dominant: isPreset(method) ? presets[method].dominant : method,
    metadata,
    importance,
    onMatrix: (matrix) => onMatrix(resultOf(matrix, recipe)),
    signal,
  })
}

/** Bits of a code, and of a weight with its share of scales; of f16 both are 16. */
export function blockBits(type: TensorInfo['type']): [number, number] {
  const { blockSize, blockBytes } = blockTypes[type]
  const stored = (8 * blockBytes) / blockSize
  return [Number(/^q(\d)_/.exec(type)?.[1] ?? stored), stored]
}

function resultOf({ canonical, type, relativeError, weightMse }: BlockMatrix, { method }: Recipe): MatrixResult {
  const parts = partsOf(canonical)
  const role = parts ? (parts[2] as LinearRole) : canonical.startsWith('token_embd') ? 'embedding' : 'output'
  const [bits, bitsPerWeight] = blockBits(type)
  const own = isBlockMethod(type as QuantizeMethod) ? (type as QuantizeMethod) : method
  const layer = parts ? Number(parts[1]) : null
  return { name: canonical, layer, role, method: own, bits, group: null, relativeError, weightMse, bitsPerWeight }
}
