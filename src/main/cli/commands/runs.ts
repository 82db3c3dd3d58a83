/** moru runs list | show | compare | export | delete. */
import { job } from '../../../shared/contract/jobs'
import { runsExport, runsGet, runsList, runsRemove, type RunSummary } from '../../../shared/contract/runs'
import {
  type Action,
  actionOf,
  type Command,
  type Context,
  expectPositionals,
  oneOf,
  pathOf,
  UsageError,
  type Values,
} from '../command'
import { table } from '../table'

const actions: Record<string, Action> = { list, show, compare, export: exportRuns, delete: remove }
/** Metrics that a line of the list has room for. */
const shownMetrics = 4

export const runs: Command = {
  name: 'runs',
  usage:
    '[list] [--kind K] [--search WORDS] [--limit 50] | show ID | compare ID ID ... | export [ID ...] --out FOLDER | delete ID ...',
  summary: 'Shows the run history with its figures; compares, exports for MLflow, deletes',
  options: {
    kind: { type: 'string', multiple: true },
    search: { type: 'string' },
    limit: { type: 'string' },
    out: { type: 'string' },
  },
  run: async (values, [name = 'list', ...positionals], context) =>
    actionOf('runs', actions, name)(values, positionals, context),
}

async function list(values: Values, positionals: string[], context: Context): Promise<unknown> {
  expectPositionals(positionals)
  const kinds = values.texts('kind').map((name) => oneOf('kind', name, job.shape.kind.options))
  const input = {
    kinds: kinds.length > 0 ? kinds : undefined,
    search: values.filled('search'),
    limit: values.number('limit') ?? 50,
  }
  if (!runsList.input.safeParse(input).success) throw new UsageError('--limit: a whole number from 1 to 5000.')
  const found = await (await context.client()).request(runsList, input, { signal: context.signal })
  if (!context.json) context.print(table(found.map(row)))
  return found
}

async function show(_: Values, positionals: string[], context: Context): Promise<unknown> {
  const [id] = expectPositionals(positionals, 'ID')
  const run = await (await context.client()).request(runsGet, { id }, { signal: context.signal })
  if (!context.json) {
    const { environment, metrics, artefacts, error, parameters } = run
    context.print(table([row(run)]))
    if (error !== null) context.print(`\n${error}\n`)
    context.print(`\n${JSON.stringify({ parameters, environment, artefacts }, null, 2)}\n\n`)
    context.print(table(Object.entries(metrics).map(([name, value]) => [name, String(value)])))
  }
  return run
}

/** Metrics side by side, each with its ratio to the first run's. */
async function compare(_: Values, ids: string[], context: Context): Promise<unknown> {
  if (ids.length < 2) throw new UsageError('Two IDs or more are compared.')
  const client = await context.client()
  const found = await Promise.all(ids.map((id) => client.request(runsGet, { id }, { signal: context.signal })))
  const names = [...new Set(found.flatMap(({ metrics }) => Object.keys(metrics)))]
  const metrics = names.map((name) => ({ name, values: found.map((run) => run.metrics[name] ?? null) }))
  if (!context.json) {
    const head = ['', ...found.map(({ title, startedAt }) => `${title} ${new Date(startedAt).toLocaleString('sv')}`)]
    const rows = metrics.map(({ name, values: [first, ...rest] }) => [
      name,
      String(first ?? '-'),
      ...rest.map((value) =>
        first && value !== null ? `${value} (${(value / first).toFixed(3)}x)` : String(value ?? '-'),
      ),
    ])
    context.print(table([head, ...rows]))
  }
  return { runs: found.map(({ result: _result, ...summary }) => summary), metrics }
}

async function exportRuns(values: Values, ids: string[], context: Context): Promise<unknown> {
  const folder = pathOf(values.required('out'))
  const input = { ids: ids.length > 0 ? ids : null, folder }
  const result = await (await context.client()).request(runsExport, input, { signal: context.signal })
  if (!context.json)
    context.print(
      `${result.runs} runs in ${result.folder}\nMLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri ${result.folder}\n`,
    )
  return result
}

async function remove(_: Values, ids: string[], context: Context): Promise<unknown> {
  if (ids.length === 0) throw new UsageError('ID is missing.')
  const result = await (await context.client()).request(runsRemove, { ids }, { signal: context.signal })
  if (!context.json) context.print(`${result.removed} runs deleted.\n`)
  return result
}

const row = (run: RunSummary): string[] => [
  run.id,
  new Date(run.startedAt).toLocaleString('sv'),
  run.kind,
  run.state,
  run.title.slice(0, 50),
  Object.entries(run.metrics)
    .slice(0, shownMetrics)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(5))}`)
    .join(', '),
]
