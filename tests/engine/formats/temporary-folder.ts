/** A folder for the files of one test file, removed when its tests are done. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** Call at the top of a test file. */
export async function temporaryFolder(): Promise<{
  path: string
  write(name: string, bytes: Uint8Array | string): Promise<string>
}> {
  const path = await mkdtemp(join(tmpdir(), 'moru-formats-'))
  afterAll(() => rm(path, { recursive: true }))
  return {
    path,
    async write(name, bytes) {
      const file = join(path, name)
      await writeFile(file, bytes)
      return file
    },
  }
}
