/** What a look at the files says is to be done: only what changed is read again. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { type KnownDocument, normalText } from '../../store'
import { type FoundFile, isWithin, type Walked } from './walk'

export interface Changes {
  /** New, changed, waiting, or failed for a reason that may have passed. */
  files: FoundFile[]
  /** Gone from their folders. */
  removed: KnownDocument[]
}

/** Web pages are documents without a file. */
export const isPage = (path: string): boolean => /^https?:\/\//.test(path)

/**
 * Compares what was found with what is known. A file with the size and time it had when it was indexed is taken to be the
 * same; its content is hashed otherwise (changedContent).
 * @param retry whether what failed without a verdict on its content (time, memory, permissions) is tried again.
 */
export function changesOf(walked: Walked, known: readonly KnownDocument[], retry: boolean): Changes {
  const byPath = new Map(known.map((document) => [document.path, document]))
  const found = new Set(walked.files.map((file) => normalText(file.path)))
  const removed = known.filter(
    ({ path }) =>
      !found.has(path) && !isPage(path) && !walked.unseen.some((place) => isWithin(path, normalText(place))),
  )
  const files = walked.files.filter((file) => {
    const before = byPath.get(normalText(file.path))
    if (!before || before.state === 'pending') return true
    if (before.sizeBytes !== file.sizeBytes || before.changedAt !== file.changedAt) return true
    return retry && before.state === 'failed' && before.contentHash === null
  })
  return { files, removed }
}

/** SHA-256 of a file in hexadecimal; null when it cannot be read, which its parser will explain. */
export async function hashFile(path: string, signal: AbortSignal): Promise<string | null> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path, { signal }), hash)
  } catch (thrown) {
    if (signal.aborted) throw thrown
    return null
  }
  return hash.digest('hex')
}
