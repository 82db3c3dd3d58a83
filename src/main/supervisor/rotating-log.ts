import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

export interface RotatingLog {
  path: string
  write(chunk: Uint8Array | string): void
}

/**
 * Appends to a file; at `maxBytes` it becomes PATH.1, the one before PATH.2, and so on up to `keep`.
 * A disk that is full or gone costs the log, never the caller.
 */
export function openRotatingLog(path: string, { maxBytes = 5_000_000, keep = 3 } = {}): RotatingLog {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  let size = sizeOf(path)
  const rotate = () => {
    for (let i = keep - 1; i >= 0; i--) if (sizeOf(name(i)) > 0) renameSync(name(i), name(i + 1))
    size = 0
  }
  const name = (i: number) => (i === 0 ? path : `${path}.${i}`)
  return {
    path,
    write(chunk) {
      try {
        const bytes = Buffer.from(chunk)
        if (size > 0 && size + bytes.length > maxBytes) rotate()
        appendFileSync(path, bytes, { mode: 0o600 })
        size += bytes.length
      } catch {
        size = sizeOf(path)
      }
    },
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
