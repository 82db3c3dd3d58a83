/** moru quantize. */
import { type InputOf } from '../../../shared/contract'
import { jobsCancel } from '../../../shared/contract/jobs'
import { quantizeFollow, quantizeMethod, type QuantizeResult, quantizeStart } from '../../../shared/contract/quantize'
import { MoruError } from '../../../shared/errors'
import { calibrationFields, calibrationOf, calibrationOptions, calibrationUsage } from '../calibration-options'
import { checked, type Command, type Context, expectPositionals, oneOf, pathOf, type Values } from '../command'
import { describeFit, fitRecipe, fitRequest } from '../fit-recipe'
import { modelOf } from '../model-option'

export const quantize: Command = {
  name: 'quantize',
  usage:
    `MODEL --method METHOD [--bits 4] [--group 64] --out PATH [--budget SIZE] [--symmetric] [--per-tensor] [--double] [--search-range] ${calibrationUsage} ` +
    '[--damping 0.01] [--natural-order] [--no-clip] [--importance FILE|measured]',
  summary: 'Quantize a model',
  options: {
    method: { type: 'string' },
    bits: { type: 'string' },
    group: { type: 'string' },
    out: { type: 'string' },
    budget: { type: 'string' },
    symmetric: { type: 'boolean' },
    'per-tensor': { type: 'boolean' },
    double: { type: 'boolean' },
    'search-range': { type: 'boolean' },
    ...calibrationOptions,
    damping: { type: 'string' },
    'natural-order': { type: 'boolean' },
    'no-clip': { type: 'boolean' },
    importance: { type: 'string' },
  },
  run: async (values, positionals, context) => {
    const [named] = expectPositionals(positionals, 'MODEL')
    const budget = values.filled('budget')
    if (budget !== undefined) return fitted(fitRequest(named, values, budget, sharedOf(values)), values, context)
    const request = {
      model: named,
      path: pathOf(values.required('out')),
      recipe: {
        ...sharedOf(values),
        method: oneOf('method', values.required('method'), quantizeMethod.options),
        bits: values.number('bits'),
        group: values.number('group'),
        symmetric: values.flag('symmetric'),
        perTensor: values.flag('per-tensor'),
        double: values.flag('double'),
        searchRange: values.flag('search-range'),
        importance: importanceOf(values.filled('importance')),
      },
    }
    const names = { ...calibrationFields, path: '--out' }
    return run({ ...checked(quantizeStart, request, names), model: await modelOf(named, context) }, context)
  },
}

/** What a recipe and a fit both take. */
const sharedOf = (values: Values) => ({
  gptq: { damping: values.number('damping'), actOrder: !values.flag('natural-order') },
  awq: { clip: !values.flag('no-clip') },
  calibration: calibrationOf(values),
})

/** With `--out` also quantizes by the recipe that was found. */
async function fitted(request: ReturnType<typeof fitRequest>, values: Values, context: Context) {
  const out = values.filled('out')
  const fit = await fitRecipe(request, context)
  if (!context.json) context.print(describeFit(fit))
  const { model, ...found } = fit
  if (out === undefined) return found
  return { fit: found, ...(await run({ model: model.path, path: pathOf(out), recipe: fit.recipe }, context)) }
}

async function run(input: InputOf<typeof quantizeStart>, context: Context) {
  const result = await follow(await start(input, context), context)
  const { sizeBytes, bitsPerWeight, elapsedMs } = result
  const layers = result.layers.map(({ name, relativeError }) => ({ name, relativeError }))
  if (!context.json)
    context.print(
      `${result.path}: ${sizeBytes.toLocaleString('en')} bytes, ${bitsPerWeight.toFixed(3)} bits a weight, ` +
        `${(elapsedMs / 1000).toFixed(1)} s\n`,
    )
  return { sizeBytes, bitsPerWeight, elapsedMs, layers }
}

function importanceOf(named: string | undefined) {
  if (named === undefined) return null
  return named === 'measured' ? { kind: 'measured' as const } : { kind: 'file' as const, path: pathOf(named) }
}

async function start(input: InputOf<typeof quantizeStart>, context: Context): Promise<string> {
  const client = await context.client()
  const { jobId } = await client.request(quantizeStart, input, { signal: context.signal })
  const cancel = () => void client.request(jobsCancel, { id: jobId }).catch(() => undefined)
  context.signal.addEventListener('abort', cancel, { once: true })
  return jobId
}

async function follow(jobId: string, context: Context): Promise<QuantizeResult> {
  const client = await context.client()
  let last = ''
  for await (const event of client.stream(quantizeFollow, { jobId }, { signal: context.signal })) {
    if (event.kind === 'matrix') last = `${event.matrix.name} ${event.matrix.relativeError.toFixed(4)}`
    if (event.kind === 'progress') {
      const place = event.layer === null ? event.stage : `layer ${event.layer} of ${event.layers}`
      context.progress(`${place}, ${(event.elapsedMs / 1000).toFixed(0)} s ${last}`)
    }
    if (event.kind === 'finished') return event.result
  }
  throw new MoruError('internal', 'quantizing ended without a result.')
}
