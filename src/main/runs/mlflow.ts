/**
 * Runs in the layout of MLflow's file store: EXPERIMENT/meta.yaml, EXPERIMENT/RUN/meta.yaml, params/, metrics/, tags/ and
 * artifacts/ (mlflow/store/tracking/file_store.py). An experiment for each kind of run.
 */
import { hash } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type RunDetail } from '../../shared/contract/runs'
import { MoruError } from '../../shared/errors'
import { parametersOf } from './figures'

/** MLflow's own limits. */
const longestParameter = 6000
const longestTag = 5000

/** mlflow.entities.RunStatus */
const statuses: Record<RunDetail['state'], number> = { running: 1, done: 3, failed: 4, cancelled: 5, interrupted: 5 }
const localSource = 4

/** @throws conflict when the folder exists; io. */
export async function exportToMlflow(folder: string, runs: readonly RunDetail[]): Promise<void> {
  if (existsSync(folder))
    throw new MoruError('conflict', `${folder} exists already. Choose another folder for the export.`)
  const aside = `${folder}.partial`
  try {
    await rm(aside, { recursive: true, force: true })
    mkdirSync(aside, { recursive: true })
    for (const [kind, own] of Map.groupBy(runs, (run) => run.kind)) writeExperiment(aside, folder, kind, own)
    await rename(aside, folder)
  } catch (thrown) {
    await rm(aside, { recursive: true, force: true })
    throw thrown
  }
}

/** `folder`: where it will lie in the end. */
function writeExperiment(aside: string, folder: string, kind: string, runs: readonly RunDetail[]): void {
  const experiment = experimentId(kind)
  mkdirSync(join(aside, experiment))
  const started = runs.map(({ startedAt }) => startedAt)
  writeFileSync(
    join(aside, experiment, 'meta.yaml'),
    yaml({
      artifact_location: pathToFileURL(join(folder, experiment)).href,
      creation_time: Math.min(...started),
      experiment_id: experiment,
      last_update_time: Math.max(...started),
      lifecycle_stage: 'active',
      name: `moru ${kind}`,
    }),
  )
  for (const run of runs)
    writeRun(join(aside, experiment, runId(run)), join(folder, experiment, runId(run)), experiment, run)
}

function writeRun(aside: string, place: string, experiment: string, run: RunDetail): void {
  for (const part of ['params', 'metrics', 'tags', 'artifacts']) mkdirSync(join(aside, part), { recursive: true })
  const id = runId(run)
  writeFileSync(
    join(aside, 'meta.yaml'),
    yaml({
      artifact_uri: pathToFileURL(join(place, 'artifacts')).href,
      end_time: run.endedAt,
      entry_point_name: '',
      experiment_id: experiment,
      lifecycle_stage: 'active',
      run_id: id,
      run_name: run.title,
      run_uuid: id,
      source_name: 'moru',
      source_type: localSource,
      source_version: run.environment?.build ?? '',
      start_time: run.startedAt,
      status: statuses[run.state],
      tags: [],
      user_id: 'moru',
    }),
  )
  const put = (part: string, values: Record<string, string>) => {
    for (const [name, value] of Object.entries(values)) writeFileSync(join(aside, part, fileName(name)), value)
  }
  put('params', cut(parametersOf(run.parameters), longestParameter))
  const at = run.endedAt ?? run.startedAt
  put('metrics', Object.fromEntries(Object.entries(run.metrics).map(([name, value]) => [name, `${at} ${value} 0\n`])))
  put('tags', cut(tagsOf(run), longestTag))
  writeFileSync(join(aside, 'artifacts', 'result.json'), `${JSON.stringify(run.result, null, 2)}\n`)
}

function tagsOf(run: RunDetail): Record<string, string> {
  const { environment, artefacts, error } = run
  return {
    'mlflow.runName': run.title,
    'mlflow.source.name': 'moru',
    'mlflow.source.type': 'LOCAL',
    'moru.run.id': run.id,
    'moru.state': run.state,
    ...(environment && {
      'moru.version': environment.version,
      'moru.build': environment.build ?? '',
      'moru.node': environment.node,
      'moru.platform': environment.platform,
      'moru.device': environment.adapter ?? 'none',
      'moru.device.software': String(environment.software),
    }),
    ...(artefacts.length > 0 && { 'moru.artefacts': artefacts.join('\n') }),
    ...(error !== null && { 'moru.error': error }),
  }
}

/** Eighteen digits, as MLflow makes them. */
const experimentId = (kind: string) =>
  String(BigInt(`0x${hash('sha256', `moru ${kind}`).slice(0, 14)}`))
    .padStart(18, '1')
    .slice(0, 18)
/** MLflow wants 32 hexadecimal digits, which a UUID without its dashes is. */
const runId = ({ id }: RunDetail) =>
  /^[0-9a-f-]{36}$/.test(id) ? id.replaceAll('-', '') : hash('sha256', id).slice(0, 32)
/** Names may hold letters, digits and a few signs; what else there is becomes an underscore. */
const fileName = (name: string) =>
  name
    .replace(/[^\w. -]/gu, '_')
    .replace(/^[. ]+/, '_')
    .slice(0, 200)
const cut = (values: Record<string, string>, most: number) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.slice(0, most)]))
/** JSON's scalars and empty lists are YAML's. */
const yaml = (values: Record<string, unknown>) =>
  Object.entries(values)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
    .join('')
