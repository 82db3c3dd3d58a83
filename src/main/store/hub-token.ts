/** The hub's access token: in a file of its own, so that neither settings, backups nor exports can carry it. */
import { readFileSync, rmSync } from 'node:fs'
import { writePrivateFile } from './durable-file'

export interface HubTokenFile {
  read(): string | null
  /** null forgets it. */
  write(token: string | null): void
}

export function hubTokenFile(file: string): HubTokenFile {
  return {
    read() {
      try {
        return readFileSync(file, 'utf8').trim() || null
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
    write(token) {
      if (token === null) rmSync(file, { force: true })
      else writePrivateFile(file, `${token}\n`)
    },
  }
}
