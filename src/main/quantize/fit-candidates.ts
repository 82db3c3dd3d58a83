/** What there is to choose from for each matrix, how large each choice is, and the recipe that choices come to. */
import { type ParsedInputOf } from '../../shared/contract'
import { fitMethods, type quantizeFit, type QuantizeMethod, type Recipe, recipe } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import { type Candidate, fitToRow, groupsOf, type ModelMatrix } from '../engine'
import { blockBits, isBlockMethod } from './block-recipes'
import { matrixRecipe } from './matrix-recipes'

export type FitInput = ParsedInputOf<typeof quantizeFit>

/** A way to quantize one matrix. */
export interface FitOption {
  method: QuantizeMethod
  bits: number
  group: number | null
  /** Codes, scales and zeros. */
  codeBytes: number
  /** In the file, all that belongs to it. */
  sizeBytes: number
  candidate: Candidate
}

/** Throws invalid_input where block types and other methods are mixed: no file holds both. */
export function formatFor({ methods }: FitInput): 'gguf' | 'safetensors' {
  const blocks = methods.filter(isBlockMethod).length
  if (blocks > 0 && blocks < methods.length)
    throw new MoruError(
      'invalid_input',
      `No file holds both GGUF's block types and the codes of ${fitMethods.join(', ')}: choose one kind of methods.`,
    )
  return blocks > 0 ? 'gguf' : 'safetensors'
}

/** At least one. */
export function optionsFor(input: FitInput, matrix: ModelMatrix): FitOption[] {
  return formatFor(input) === 'gguf' ? blockOptions(input, matrix) : groupOptions(input, matrix)
}

function groupOptions(input: FitInput, matrix: ModelMatrix): FitOption[] {
  const { rows, cols } = matrix
  const divisors = groupsOf(cols)
  const asked = new Set(input.groups.map((g) => (g === 0 ? cols : g)))
  const groups = divisors.filter((g) => asked.has(g))
  // A row that none of the groups divides has one scale.
  const own = groups.length > 0 ? groups : [cols]
  const found: FitOption[] = []
  for (const method of input.methods)
    for (const bits of input.bits)
      for (const group of own) {
        // Codes and zeros fill whole words of 32 bits in the file.
        if ((rows * bits) % 32 !== 0 || (cols * bits) % 32 !== 0) continue
        const single = recipe.parse({ ...shared(input), method, bits, group })
        const codeBytes = (rows * cols * bits) / 8 + ((rows * cols) / group) * (2 + bits / 8)
        // The layout also tells the group of each input.
        const sizeBytes = codeBytes + 4 * cols
        found.push({ method, bits, group, codeBytes, sizeBytes, candidate: matrixRecipe(single, matrix) })
      }
  if (found.length > 0) return found
  throw new MoruError(
    'invalid_input',
    `${matrix.canonical} (${rows} x ${cols}) fills no whole words of 32 bits with codes of ${input.bits.join(', ')} bits. Add 8 bits.`,
  )
}

/** Types that become the same, because the rows do not divide, count once. */
function blockOptions({ methods }: FitInput, { rows, cols }: ModelMatrix): FitOption[] {
  const found = new Map<string, FitOption>()
  for (const method of methods.filter(isBlockMethod)) {
    const { type } = fitToRow(method as Parameters<typeof fitToRow>[0], cols)
    const [bits, stored] = blockBits(type)
    const rounding = type === 'f16' ? null : { method: 'blocks' as const, type }
    const bytes = (rows * cols * stored) / 8
    const option = { method, bits, group: null, codeBytes: bytes, sizeBytes: bytes }
    if (!found.has(type) || method === type) found.set(type, { ...option, candidate: { scaled: false, rounding } })
  }
  return [...found.values()]
}

const shared = ({ gptq, awq, calibration }: FitInput) => ({ gptq, awq, calibration })

/** Some method sees the calibration text; else it is only measured on, and two windows do. */
export const looksAtInputs = ({ methods }: FitInput): boolean => methods.some((m) => m !== 'rtn' && m !== 'hqq')

/** The commonest choice is the recipe's; matrices that differ are its overrides. */
export function recipeOf(input: FitInput, chosen: readonly { matrix: ModelMatrix; option: FitOption }[]): Recipe {
  const byChoice = Map.groupBy(chosen, ({ option: { method, bits, group } }) => `${method} ${bits} ${group}`)
  const [[{ option: base }]] = [...byChoice.values()].sort((a, b) => b.length - a.length)
  const overrides = chosen
    .filter(({ option: o }) => o.method !== base.method || o.bits !== base.bits || o.group !== base.group)
    .map(({ matrix, option: { method, bits, group } }) => ({
      name: matrix.canonical,
      ...(method !== base.method && { method }),
      ...(group !== null && bits !== base.bits && { bits }),
      ...(group !== null && group !== base.group && { group }),
    }))
  const blocks = base.group === null
  return recipe.parse({
    ...shared(input),
    method: base.method,
    ...(!blocks && { bits: base.bits, group: base.group }),
    importance: blocks ? { kind: 'measured' } : null,
    overrides,
  })
}
