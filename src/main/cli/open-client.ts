/** The host that serves the profile, if one runs; else its services in this process. */
import { join } from 'node:path'
import { MoruError } from '../../shared/errors'
import { type Client, inProcessClient } from '../host/client'
import { compose } from '../host/compose'
import { connect } from '../host/connect'
import { createLog } from '../host/log'
import { prepareProfile } from '../host/start'

/** `programFolder`: where the built program lies (out/main). Throws what opening the profile throws. */
export async function openClient(profileOption: string | undefined, programFolder: string): Promise<Client> {
  const profile = makeProfile(profileOption)
  const running = await connect(profile)
  if (running) return running
  // What goes wrong is told by the command itself.
  const log = createLog(process.env.MORU_LOG_LEVEL ?? 'silent')
  const bundledModels = join(programFolder, '../../resources/models')
  const { handlers, close } = await compose(profile, { log, bundledModels, exclusive: false, restart: () => undefined })
  return inProcessClient(handlers, close)
}

function makeProfile(option: string | undefined): string {
  try {
    return prepareProfile(option)
  } catch (cause) {
    const where = option ?? 'the usual folder'
    throw new MoruError('io', `The profile cannot be kept in ${where}: ${(cause as Error).message}.`, { cause })
  }
}
