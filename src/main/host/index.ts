/** The host's entry (out/main/host.js). */
import { join } from 'node:path'
import { compose } from './compose'
import { runHostProcess } from './process'

const here = import.meta.dirname
const bundledModels = join(here, '../../resources/models')
await runHostProcess(
  (profile, context) => compose(profile, { ...context, bundledModels, exclusive: true }),
  join(here, '../renderer'),
)
