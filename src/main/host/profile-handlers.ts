/** Backup and restore of the profile: they replace what the host itself runs on. */
import { isAbsolute, join } from 'node:path'
import { type HandlersFor } from '../../shared/contract/handlers'
import { MoruError } from '../../shared/errors'
import { checkBackup, profileFiles, restoreDatabase, type Store } from '../store'

export interface ProfileHandlerOptions {
  profile: string
  store: Store
  /** Ends all work and closes the store, so that its file can be replaced. */
  close: () => Promise<void>
  /** Starts the host anew. */
  restart: () => void
}

/** The answer is on its way for this long before the host goes. */
const farewellMs = 200

export function profileHandlers(options: ProfileHandlerOptions): HandlersFor<'profileBackup' | 'profileRestore'> {
  return {
    profileBackup: ({ path }) => options.store.backup(absolute(path)),
    async profileRestore({ path }) {
      const backup = absolute(path)
      // Before anything is stopped: a file that is no backup changes nothing.
      checkBackup(backup)
      await options.close()
      try {
        restoreDatabase(join(options.profile, profileFiles.database), backup)
      } finally {
        setTimeout(options.restart, farewellMs)
      }
      return {}
    },
  }
}

function absolute(path: string): string {
  if (isAbsolute(path)) return path
  throw new MoruError('invalid_input', `${path}: give the whole path of the file, from the root of its disk.`)
}
