/** From a recipe to what is done to each matrix. */
import { type QuantizeMethod, type Recipe } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import { type CheckpointLayout, type MatrixRecipe, type ModelMatrix } from '../engine'

/** A recipe's choice for one matrix, with what the method fixes filled in. */
export interface MatrixChoice {
  method: QuantizeMethod
  bits: number
  /** Inputs that share a scale. */
  group: number
}

const eightBit: ReadonlySet<QuantizeMethod> = new Set(['absmax', 'zero-point', 'int8'])
const codebooks: ReadonlySet<QuantizeMethod> = new Set(['nf4', 'fp4'])
const calibrated: ReadonlySet<QuantizeMethod> = new Set(['gptq', 'awq', 'awq-gptq'])

/** The method looks at what matrices read. */
export const isCalibrated = (recipe: Recipe): boolean =>
  [recipe.method, ...recipe.overrides.map((o) => o.method ?? recipe.method)].some((m) => calibrated.has(m)) ||
  (recipe.searchRange && recipe.method === 'rtn') ||
  recipe.importance?.kind === 'measured'

export function choiceOf(recipe: Recipe, matrix: Pick<ModelMatrix, 'canonical' | 'cols'>): MatrixChoice {
  const own = recipe.overrides.find((o) => o.name === matrix.canonical)
  const method = own?.method ?? recipe.method
  const group = own?.group ?? recipe.group
  const bits = eightBit.has(method) ? 8 : codebooks.has(method) ? 4 : (own?.bits ?? recipe.bits)
  // LLM.int8() and scales of a whole tensor know no groups within a row.
  const whole = group === 0 || method === 'int8' || (recipe.perTensor && eightBit.has(method))
  return { method, bits, group: whole ? matrix.cols : group }
}

/** Throws unsupported for methods that are not made of codes and scales. */
export function matrixRecipe(recipe: Recipe, matrix: ModelMatrix): MatrixRecipe {
  const { method, bits, group } = choiceOf(recipe, matrix)
  const { symmetric, searchRange: search } = recipe
  const affine = { bits, group: group === matrix.cols ? ('row' as const) : group, symmetric }
  const per = recipe.perTensor ? ('tensor' as const) : affine.group
  const plain = (rounding: MatrixRecipe['rounding']): MatrixRecipe => ({ scaled: false, rounding })
  switch (method) {
    case 'rtn':
      return plain({ method: 'rtn', ...affine, scaleType: 'f16', search })
    case 'absmax':
      return plain({ method: 'absmax', per, scaleType: 'f16' })
    case 'zero-point':
      return plain({ method: 'zero_point', per, scaleType: 'f16' })
    case 'int8':
      return plain({ method: 'absmax', per: 'row', scaleType: 'f32' })
    case 'nf4':
    case 'fp4':
      return plain({ method: 'codebook', codebook: method, block: group })
    case 'hqq':
      return plain({ method: 'hqq', bits, group: affine.group, scaleType: 'f16', wholeZeros: true })
    case 'gptq':
      return plain({ method: 'gptq', ...affine, search })
    case 'awq':
      return { scaled: true, rounding: { method: 'rtn', ...affine, scaleType: 'f16', search: recipe.awq.clip } }
    case 'awq-gptq':
      return { scaled: true, rounding: { method: 'gptq', ...affine, search: recipe.awq.clip } }
    default:
      throw new MoruError('unsupported', `${method} is a type of GGUF: give a path that ends in .gguf.`)
  }
}

/** The layout that other programs know the result by. */
export function layoutFor(recipe: Recipe): CheckpointLayout {
  const { method, bits, symmetric } = recipe
  if (method === 'nf4' || method === 'fp4' || method === 'int8') return method
  const even = recipe.overrides.length === 0
  return method === 'awq' && bits === 4 && !symmetric && even ? 'awq' : 'gptq'
}

/** Stored size of a matrix, scales and zeros counted. */
export function storedSize({ bits, group, method }: MatrixChoice, rows: number, cols: number, recipe: Recipe): number {
  const groups = (rows * cols) / group
  const scaleBits = codebooks.has(method) ? (recipe.double ? 8 + 32 / 256 : 32) : method === 'int8' ? 32 : 16
  const affine = !(recipe.symmetric || eightBit.has(method) || codebooks.has(method)) || method === 'zero-point'
  return Math.ceil((rows * cols * bits + groups * (scaleBits + (affine ? bits : 0))) / 8)
}
