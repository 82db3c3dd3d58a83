import { throwIfCancelled } from '../../shared/errors'

/** Lets others go on. @throws cancelled */
export async function pause(signal?: AbortSignal): Promise<void> {
  await new Promise((go) => setImmediate(go))
  throwIfCancelled(signal)
}
