/** A secret in a file of its own, so that neither settings, backups nor exports can carry it. */
import { readFileSync, rmSync } from 'node:fs'
import { writePrivateFile } from './durable-file'

export interface SecretFile {
  read(): string | null
  /** null forgets it. */
  write(secret: string | null): void
}

/** `onWrite` is called after every change. */
export function secretFile(file: string, onWrite: () => void): SecretFile {
  return {
    read() {
      try {
        return readFileSync(file, 'utf8').trim() || null
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
    write(secret) {
      if (secret === null) rmSync(file, { force: true })
      else writePrivateFile(file, `${secret}\n`)
      onWrite()
    },
  }
}
