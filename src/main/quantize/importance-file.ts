/** Measuring an importance matrix, as a job. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { importanceFile, type importanceRun } from '../../shared/contract/quantize'
import { measureImportance, refuseExisting, writeImportanceMatrix } from '../engine'
import { awaitJob, type JobRunner } from '../jobs'
import { type ModelLibrary } from '../models'
import { readCalibration, type TextSources } from './calibration-text'
import { withEngine, withModel } from './open-models'

/** Throws conflict before anything is measured, what reading the text, measuring and writing throw, cancelled; then there is no file. */
export async function writeImportanceFile(
  { library, jobs, sources }: { library: ModelLibrary; jobs: JobRunner; sources: TextSources },
  { model, calibration, path }: ParsedInputOf<typeof importanceRun>,
  report: (event: EventOf<typeof importanceRun>) => void,
  signal: AbortSignal,
): Promise<void> {
  const start = performance.now()
  const source = await library.resolve(model)
  await refuseExisting(path)
  const parameters = { model: source.path, calibration, path }
  const spec = { kind: 'imatrix' as const, title: source.name, parameters, unit: 'steps' as const, total: null }
  const { result } = await awaitJob(
    jobs,
    spec,
    (handle, stop) =>
      withModel(source.path, async ({ file, config }) => {
        const { text, windows } = await readCalibration({ file, config }, calibration, sources, true)
        const onLayer = (done: number) => {
          handle.progress(done, config.layers)
          report({ kind: 'progress', jobId: handle.id, done, total: config.layers })
        }
        const meanSquares = await withEngine(async (engine) =>
          measureImportance(await engine.open(), file, config, windows.seen, { signal: stop, onLayer }),
        )
        const chunks = { chunks: windows.seen.length, chunkSize: windows.seen[0].length }
        await writeImportanceMatrix(path, { datasets: [text.name], ...chunks, meanSquares })
        return {
          path,
          matrices: meanSquares.size,
          tokens: chunks.chunks * chunks.chunkSize,
          calibration: { name: text.name, sha256: text.sha256 },
          elapsedMs: performance.now() - start,
        }
      }),
    signal,
  )
  report({ kind: 'finished', file: importanceFile.parse(result) })
}
