/** What the host answers for engine.*, models.load and models.unload. */
import { type HandlersFor } from '../../shared/contract/handlers'
import { ChangeNotice } from '../jobs'
import { doctor } from './doctor'
import { type EngineService } from './engine-service'

type EngineRoutes = 'engineDoctor' | 'engineFollow' | 'modelsLoad' | 'modelsUnload'

export function engineHandlers(engine: EngineService): HandlersFor<EngineRoutes> {
  return {
    engineDoctor: () => doctor(),
    engineFollow: (_, { signal }) => engine.follow(signal),
    modelsLoad: ({ id, load }, { signal }) =>
      progressOf(async (report) => (await engine.ensureLoaded(id, load, report, signal)).release()),
    modelsUnload: async () => {
      await engine.unload()
      return {}
    },
  }
}

/** Runs the work and yields how far it is; a slow reader gets the latest state only. @throws what the work throws. */
async function* progressOf(work: (report: (done: number, total: number) => void) => Promise<void>) {
  const notice = new ChangeNotice()
  const end = new AbortController()
  const start = performance.now()
  let latest: { done: number; total: number } | null = null
  let failure: { thrown: unknown } | null = null
  const running = work((done, total) => {
    latest = { done, total }
    notice.announce()
  })
    .catch((thrown: unknown) => void (failure = { thrown }))
    .finally(() => end.abort())
  const take = () => {
    const taken = latest
    latest = null
    return taken
  }
  for (let ended = false; !ended;) {
    ended = end.signal.aborted
    const state = take()
    if (state) {
      const seconds = (performance.now() - start) / 1000
      yield { loadedBytes: state.done, totalBytes: state.total, bytesPerSecond: state.done / Math.max(seconds, 1e-3) }
    } else if (!ended) await notice.next(end.signal)
  }
  await running
  if (failure) throw (failure as { thrown: unknown }).thrown
}
