/** What the window has to know of each method: which choices it leaves open, and what it writes. */
import {
  type Recipe,
  type RecipeInput,
  type QuantizeMethod,
  recipe as recipeSchema,
} from '../../../shared/contract/quantize'

type Choice = 'bits' | 'group' | 'symmetric' | 'double' | 'perTensor' | 'gptq' | 'awq' | 'importance' | 'searchRange'

const blocks: Choice[] = ['importance']
const choicesOf: Record<QuantizeMethod, Choice[]> = {
  rtn: ['bits', 'group', 'symmetric', 'searchRange'],
  absmax: ['group', 'perTensor'],
  'zero-point': ['group', 'perTensor'],
  int8: [],
  nf4: ['group', 'double'],
  fp4: ['group', 'double'],
  gptq: ['bits', 'group', 'symmetric', 'searchRange', 'gptq'],
  awq: ['bits', 'group', 'symmetric', 'awq'],
  'awq-gptq': ['bits', 'group', 'symmetric', 'awq', 'gptq'],
  hqq: ['bits', 'group'],
  q4_0: blocks, q4_1: blocks, q5_0: blocks, q5_1: blocks, q8_0: [],
  q2_k: blocks, q3_k: blocks, q4_k: blocks, q5_k: blocks, q6_k: blocks,
  q3_k_m: blocks, q4_k_m: blocks, q5_k_m: blocks,
} // prettier-ignore

/** As the list of methods shows them. */
export const methodGroups: { label: 'calibrated' | 'free' | 'codebook' | 'eight' | 'gguf' | 'preset'; methods: QuantizeMethod[] }[] = [
  { label: 'calibrated', methods: ['gptq', 'awq', 'awq-gptq'] },
  { label: 'free', methods: ['rtn', 'hqq'] },
  { label: 'codebook', methods: ['nf4', 'fp4'] },
  { label: 'eight', methods: ['absmax', 'zero-point', 'int8'] },
  { label: 'preset', methods: ['q5_k_m', 'q4_k_m', 'q3_k_m'] },
  { label: 'gguf', methods: ['q8_0', 'q6_k', 'q5_k', 'q5_1', 'q5_0', 'q4_k', 'q4_1', 'q4_0', 'q3_k', 'q2_k'] },
] // prettier-ignore

/** The literature's and the tools' own spelling. */
const names: Partial<Record<QuantizeMethod, string>> = {
  rtn: 'RTN', absmax: 'absmax int8', 'zero-point': 'zero-point int8', int8: 'LLM.int8()', nf4: 'NF4', fp4: 'FP4', gptq: 'GPTQ', awq: 'AWQ',
  'awq-gptq': 'AWQ + GPTQ', hqq: 'HQQ',
  q3_k_m: 'Q3_K_M', q4_k_m: 'Q4_K_M', q5_k_m: 'Q5_K_M',
} // prettier-ignore
export const methodName = (method: QuantizeMethod): string => names[method] ?? method.toUpperCase()

export const has = (method: QuantizeMethod, choice: Choice): boolean => choicesOf[method].includes(choice)

/** A recipe in a few characters, the same in every language: 'GPTQ 4 bits g64'. `row` names a whole row. */
export function recipeName(input: RecipeInput, words: { bits: string; row: string; tensor: string }): string {
  const recipe: Recipe = recipeSchema.parse(input)
  const { method } = recipe
  const parts = [methodName(method)]
  if (has(method, 'bits')) parts.push(`${recipe.bits} ${words.bits}`)
  if (has(method, 'perTensor') && recipe.perTensor) parts.push(words.tensor)
  else if (has(method, 'group')) parts.push(recipe.group === 0 ? words.row : `g${recipe.group}`)
  if (recipe.symmetric && has(method, 'symmetric')) parts.push('sym')
  if (recipe.double && has(method, 'double')) parts.push('double')
  if (recipe.importance && has(method, 'importance')) parts.push('imatrix')
  if (recipe.overrides.length > 0) parts.push(`+${recipe.overrides.length}`)
  if (recipe.kv === 'int8') parts.push('KV int8')
  return parts.join(' ')
}

/** What a person probably wants of a method at first. */
export function startOf(method: QuantizeMethod): RecipeInput {
  if (method === 'absmax' || method === 'zero-point') return { method, group: 0 }
  return { method }
}

/** Methods that look at inputs. */
export const calibrates = ({ method, importance }: RecipeInput): boolean =>
  method === 'gptq' || method === 'awq' || method === 'awq-gptq' || importance?.kind === 'measured'
