/** Recipes of GGUF's block types: which type each matrix gets, and the run that writes them. */
import { blockMethods, type MatrixResult, type QuantizeMethod, type Recipe } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import {
  type BlockChoice,
  type BlockMatrix,
  fitToRow,
  linearRoles,
  type LinearRole,
  type ModelConfig,
  presetType,
  type WeightFile,
  writeBlocks,
} from '../engine'

const presets = { q3_k_m: 'Q3_K_M', q4_k_m: 'Q4_K_M', q5_k_m: 'Q5_K_M' } as const
const dominant = { q3_k_m: 'q3_k', q4_k_m: 'q4_k', q5_k_m: 'q5_k' } as const
type Preset = keyof typeof presets
type BlockMethod = (typeof blockMethods)[number]

export const isPreset = (method: QuantizeMethod): method is Preset => method in presets
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
    return known ? presetType(presets[method], { name: canonical, cols }, model) : null
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
    dominant: isPreset(method) ? dominant[method] : method,
    metadata,
    importance,
    onMatrix: (matrix) => onMatrix(resultOf(matrix, recipe)),
    signal,
  })
}

/** Stored bits of a code, and of a weight with scales. */
const bitsOf: Record<BlockMethod, [number, number]> = {
  q4_0: [4, 4.5], q4_1: [4, 5], q5_0: [5, 5.5], q5_1: [5, 6], q8_0: [8, 8.5],
  q2_k: [2, 2.625], q3_k: [3, 3.4375], q4_k: [4, 4.5], q5_k: [5, 5.5], q6_k: [6, 6.5625],
} // prettier-ignore

export const blockBits = (type: string): [number, number] => bitsOf[type as BlockMethod] ?? [16, 16]

function resultOf({ canonical, type, relativeError, weightMse }: BlockMatrix, { method }: Recipe): MatrixResult {
  const parts = partsOf(canonical)
  const role = parts ? (parts[2] as LinearRole) : canonical.startsWith('token_embd') ? 'embedding' : 'output'
  const [bits, bitsPerWeight] = blockBits(type)
  const own = isBlockMethod(type as QuantizeMethod) ? (type as QuantizeMethod) : method
  const layer = parts ? Number(parts[1]) : null
  return { name: canonical, layer, role, method: own, bits, group: null, relativeError, weightMse, bitsPerWeight }
}
