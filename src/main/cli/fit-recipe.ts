/** moru quantize --budget: the recipe that loses least for a size. */
import { type InputOf } from '../../shared/contract'
import { blockMethods, fitMethods, type Fitted, quantizeFit } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import { megabytes, sizeOf } from './byte-size'
import { calibrationFields } from './calibration-options'
import { checked, type Context, oneOf, UsageError, type Values } from './command'
import { modelOf } from './model-option'
import { table } from './table'

type FitRequest = InputOf<typeof quantizeFit>

/** Options that say something of every matrix, which a fit does not take. */
const unfitting = ['symmetric', 'per-tensor', 'double', 'search-range', 'importance']

/** The request that `--budget` makes, with what it shares with a recipe. Throws UsageError. */
export function fitRequest(
  model: string,
  values: Values,
  budget: string,
  shared: Pick<FitRequest, 'gptq' | 'awq' | 'calibration'>,
): FitRequest {
  const wrong = unfitting.find((name) => values.flag(name) || values.text(name) !== undefined)
  if (wrong) throw new UsageError(`--${wrong} does not go with --budget.`)
  const named = listOf(values.required('method'))
  const methods = named.flatMap((name) =>
    name === 'gguf' ? blockMethods : [oneOf('method', name, [...fitMethods, ...blockMethods])],
  )
  const request = {
    model,
    budgetBytes: sizeOf('budget', budget),
    methods,
    bits: numbersOf('bits', values),
    groups: numbersOf('group', values),
    ...shared,
  }
  const names = { ...calibrationFields, budgetBytes: '--budget', groups: '--group', methods: '--method' }
  return checked(quantizeFit, request, names)
}

const listOf = (text: string): string[] => text.split(',').map((part) => part.trim())

function numbersOf(option: string, values: Values): number[] | undefined {
  const text = values.filled(option)
  if (text === undefined) return undefined
  return listOf(text).map((part) => {
    const value = Number(part)
    if (part === '' || !Number.isInteger(value)) throw new UsageError(`--${option} ${text}: whole numbers with commas.`)
    return value
  })
}

/** Throws what fitting throws. */
export async function fitRecipe(request: FitRequest, context: Context): Promise<Fitted> {
  const client = await context.client()
  const input = { ...request, model: await modelOf(request.model ?? undefined, context) }
  const start = performance.now()
  for await (const event of client.stream(quantizeFit, input, { signal: context.signal })) {
    if (event.kind === 'finished') return event.fitted
    const seconds = (performance.now() - start) / 1000
    const rate = event.done > 0 ? `, ${(event.done / seconds).toFixed(1)} a second` : ''
    context.progress(`measured ${event.done} of ${event.total} matrices${rate}, ${seconds.toFixed(0)} s`)
  }
  throw new MoruError('internal', 'fitting ended without a recipe.')
}

/** What a person wants to know of it. */
export function describeFit(fit: Fitted): string {
  const { sizeBytes, budgetBytes, bitsPerWeight, estimatedKld, recipe, atBest, holds16Bits, elapsedMs } = fit
  const notes = [
    ...(holds16Bits ? ['The budget holds the model in 16 bits, which loses nothing.\n'] : []),
    ...(atBest && !holds16Bits ? ['Every matrix has the best of its choices: a larger budget changes nothing.\n'] : []),
  ]
  return (
    `at most ${megabytes(sizeBytes)} of ${megabytes(budgetBytes)}, ${bitsPerWeight.toFixed(3)} bits a weight, ` +
    `KL divergence about ${estimatedKld.toFixed(4)}, ${(elapsedMs / 1000).toFixed(1)} s\n` +
    `${recipe.method} with ${recipe.overrides.length} matrices of their own\n` +
    notes.join('') +
    table([['role', ...choicesOf(fit)], ...rowsOf(fit)])
  )
}

const chosenOf = ({ candidates, chosen }: Fitted['sensitivities'][number]): string => {
  const { method, bits, group } = candidates[chosen]
  return group === null ? method : `${method} ${bits}b g${group}`
}

const choicesOf = ({ sensitivities }: Fitted): string[] => [...new Set(sensitivities.map(chosenOf))].sort()

/** How many layers take which choice, by role. */
function rowsOf(fit: Fitted): string[][] {
  const roles = Map.groupBy(fit.sensitivities, ({ role }) => role)
  return [...roles].map(([role, own]) => [
    role,
    ...choicesOf(fit).map((choice) => String(own.filter((s) => chosenOf(s) === choice).length || '')),
  ])
}
