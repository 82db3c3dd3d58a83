/** The run history as experiments: listed, compared, handed on. */
import { isAbsolute } from 'node:path'
import { type HandlersFor } from '../../shared/contract/handlers'
import { type RunDetail } from '../../shared/contract/runs'
import { MoruError } from '../../shared/errors'
import { type Run, type Store } from '../store'
import { artefactsOf, metricsOf, unitsOf } from './figures'
import { exportToMlflow } from './mlflow'

type RunRoutes = 'runsList' | 'runsGet' | 'runsRemove' | 'runsExport'

/** What the host answers for runs.*, keyed by the names under which the contract exports them. */
export function runHandlers({ runs }: Pick<Store, 'runs'>): HandlersFor<RunRoutes> {
  return {
    runsList: async ({ kinds, search, limit }) =>
      runs.list(limit, kinds, search).map((run) => {
        const { result: _result, ...summary } = detailOf(run)
        return summary
      }),
    runsGet: async ({ id }) => detailOf(runs.get(id)),
    runsRemove: async ({ ids }) => ({ removed: runs.remove(ids) }),
    runsExport: async ({ ids, folder }) => {
      if (!isAbsolute(folder))
        throw new MoruError('invalid_input', `${folder}: give the whole path of the folder, from the root of its disk.`)
      const chosen = ids ? ids.map((id) => runs.get(id)) : runs.list(-1).filter(({ state }) => state !== 'running')
      if (chosen.length === 0) throw new MoruError('not_found', 'There are no runs to export yet.')
      await exportToMlflow(folder, chosen.map(detailOf))
      return { folder, runs: chosen.length }
    },
  }
}

/** A run that opened the device itself knows it better than the program did when it began. */
function adapterOf(result: Run['result']): string | null {
  const device = result?.device as { adapter?: unknown } | undefined
  return typeof device?.adapter === 'string' ? device.adapter : null
}

const detailOf = (run: Run): RunDetail => ({
  ...run,
  environment: run.environment && { ...run.environment, adapter: run.environment.adapter ?? adapterOf(run.result) },
  metrics: metricsOf(run.result),
  units: unitsOf(run.result),
  artefacts: artefactsOf(run.result),
})
