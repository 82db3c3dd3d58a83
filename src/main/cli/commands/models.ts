/** moru models list | import | inspect | remove. */
import {
  type ModelDetail,
  modelsGet,
  modelsImport,
  modelsList,
  modelsRemove,
  type ModelSummary,
} from '../../../shared/contract/models'
import {
  type Action,
  actionOf,
  type Command,
  type Context,
  expectPositionals,
  pathOf,
  UsageError,
  type Values,
} from '../command'
import { modelOf } from '../model-option'
import { table } from '../table'

const actions: Record<string, Action> = { list, import: importModel, inspect, remove }

export const models: Command = {
  name: 'models',
  usage: 'list | import PATH | inspect MODEL | remove ID [--delete-files]',
  summary: 'Lists, imports, inspects and removes models',
  options: { 'delete-files': { type: 'boolean' } },
  run: async (values, [name, ...positionals], context) => {
    if (name === undefined) throw new UsageError(`What to do is missing: ${Object.keys(actions).join(', ')}.`)
    return actionOf('models', actions, name)(values, positionals, context)
  },
}

async function list(_: Values, positionals: string[], context: Context): Promise<ModelSummary[]> {
  expectPositionals(positionals)
  const found = await (await context.client()).request(modelsList, {}, { signal: context.signal })
  if (!context.json) context.print(table(found.map(row)))
  return found
}

/** References the files where they lie; nothing is copied. */
async function importModel(_: Values, positionals: string[], context: Context): Promise<ModelSummary> {
  const [path] = expectPositionals(positionals, 'PATH')
  const summary = await (await context.client()).request(modelsImport, { path: pathOf(path) })
  if (!context.json) context.print(`${summary.id}\n`)
  return summary
}

async function inspect(_: Values, positionals: string[], context: Context): Promise<unknown> {
  const [named] = expectPositionals(positionals, 'MODEL')
  const client = await context.client()
  const id = (await modelOf(named, context)) ?? named
  const detail = await client.request(modelsGet, { id }, { signal: context.signal })
  if (!context.json) context.print(describe(detail))
  const { architecture, parameters, sizeBytes, bitsPerWeight, contextLength, layers, heads, kvHeads, headDim } = detail
  const { tokenizer, chatTemplate, memoryPlan } = detail
  return {
    ...{ architecture, parameters, sizeBytes, bitsPerWeight, contextLength, layers, heads, kvHeads, headDim },
    ...{ tokenizer, chatTemplate, memoryPlan },
  }
}

async function remove(values: Values, positionals: string[], context: Context): Promise<{ id: string }> {
  const [id] = expectPositionals(positionals, 'ID')
  await (await context.client()).request(modelsRemove, { id, deleteFiles: values.flag('delete-files') })
  if (!context.json) context.print(`${id} is no longer in the library.\n`)
  return { id }
}

const bytes = (n: number) => (n >= 1e9 ? `${(n / 1e9).toFixed(2)} GB` : `${(n / 1e6).toFixed(1)} MB`)
const parameters = (n: number) => (n >= 1e9 ? `${(n / 1e9).toFixed(2)} B` : `${Math.round(n / 1e6)} M`)

const row = (m: ModelSummary): string[] => [
  m.id,
  m.architecture,
  parameters(m.parameters),
  m.quantization,
  bytes(m.sizeBytes),
  m.available ? m.source : 'files are gone or changed',
]

function describe(m: ModelDetail): string {
  const plan = m.memoryPlan
  const rows = [
    ['name', m.name],
    ['path', m.path],
    ['architecture', `${m.architecture}, ${m.layers} layers, hidden ${m.hiddenDim}`],
    ['attention', `${m.heads} heads, ${m.kvHeads} key/value heads of ${m.headDim} dimensions`],
    ['parameters', `${parameters(m.parameters)}, ${m.bitsPerWeight.toFixed(2)} bits each (${m.quantization})`],
    ['size', bytes(m.sizeBytes)],
    ['context', `${m.contextLength.toLocaleString('en')} tokens`],
    ['tokenizer', `${m.tokenizer}, ${m.vocabSize.toLocaleString('en')} tokens`],
    ['chat template', m.chatTemplate === null ? 'none' : 'yes'],
    ['licence', m.license ?? 'not stated'],
    [
      'memory',
      `${bytes(plan.totalBytes)} for ${plan.contextLength.toLocaleString('en')} tokens: ${bytes(plan.weightsBytes)} weights, ` +
        `${bytes(plan.kvBytes)} keys and values, ${bytes(plan.workspaceBytes)} to work in`,
    ],
    ...(plan.reason === null ? [] : [['does not fit', plan.reason]]),
  ]
  return table(rows)
}
