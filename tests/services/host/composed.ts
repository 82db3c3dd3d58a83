import { join } from 'node:path'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { type Client, inProcessClient } from '../../../src/main/host/client'
import { compose } from '../../../src/main/host/compose'

export const bundledModels = join(import.meta.dirname, '../../../resources/models')

/** The host's services over a profile, in this process; closed with the test. `restarts` counts what they asked for. */
export async function composed(profile: string): Promise<{ client: Client; restarts: () => number }> {
  let restarts = 0
  const log = pino({ level: 'silent' })
  const services = await compose(profile, { log, bundledModels, exclusive: true, restart: () => void restarts++ })
  onTestFinished(() => services.close())
  return { client: inProcessClient(services.handlers, services.close), restarts: () => restarts }
}
