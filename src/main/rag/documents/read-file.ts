import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs'
import { type ParseLimits } from './document'
import { documentError } from './problem'

/**
 * The bytes of a regular file. Pipes, devices, sockets and folders are refused without being opened; should one take the
 * file's place meanwhile, O_NONBLOCK keeps the open from waiting. A file that grows while it is read gives what was there.
 */
export function readDocumentFile(path: string, limits: ParseLimits): Uint8Array {
  try {
    refuseSpecial(statSync(path), limits)
    const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const stat = fstatSync(file)
      refuseSpecial(stat, limits)
      return readAll(file, stat.size)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw unreadable(error)
  }
}

function refuseSpecial(stat: Stats, limits: ParseLimits): void {
  const kind = specialKind(stat)
  if (kind) throw documentError('not_a_document', `It is ${kind}, not a file.`)
  if (stat.size > limits.fileBytes)
    throw documentError(
      'too_large',
      `The file has ${megabytes(stat.size)} MB; ${megabytes(limits.fileBytes)} MB are the limit.`,
    )
}

function specialKind(stat: Stats): string | null {
  if (stat.isFile()) return null
  if (stat.isDirectory()) return 'a folder'
  if (stat.isFIFO()) return 'a pipe'
  if (stat.isSocket()) return 'a socket'
  return 'a device'
}

function readAll(file: number, size: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  while (at < size) {
    const count = readSync(file, bytes, at, Math.min(size - at, 16 * 2 ** 20), at)
    if (count === 0) break
    at += count
  }
  return bytes.subarray(0, at)
}

const reasons: Record<string, string> = {
  ENOENT: 'It is not there any more.',
  EACCES: 'Moru may not read it. Change its permissions.',
  EPERM: 'Moru may not read it. Change its permissions.',
  ELOOP: 'It is a link that leads back to itself.',
  ENAMETOOLONG: 'Its path is too long for the file system.',
}

function unreadable(thrown: unknown): unknown {
  const { code, message } = thrown as NodeJS.ErrnoException
  if (!(thrown instanceof Error) || thrown.name === 'MoruError') return thrown
  return documentError('unreadable', reasons[code ?? ''] ?? `It cannot be read: ${message}.`, thrown)
}

const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0)
