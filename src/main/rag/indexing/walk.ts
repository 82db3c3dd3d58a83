/** The files below a collection's roots: bounded, without following links, without what programs keep for themselves. */
import { type Dirent } from 'node:fs'
import { lstat, opendir, realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join, sep } from 'node:path'
import { MoruError, throwIfCancelled } from '../../../shared/errors'

export interface FoundFile {
  path: string
  sizeBytes: number
  /** Modification time in milliseconds. */
  changedAt: number
}

export interface Skipped {
  path: string
  reason: string
}

export interface Walked {
  files: FoundFile[]
  skipped: Skipped[]
  /** Folders and files that could not be looked at: what was known below them stays. */
  unseen: string[]
}

const mostFiles = 200_000
const mostDepth = 64
/** Folders that hold no documents of a person's; names with a dot in front are left out as well. */
const ignoredNames = new Set(['node_modules', '__pycache__', '$RECYCLE.BIN', 'System Volume Information'])
const ignoredFiles = new Set(['Thumbs.db', 'desktop.ini'])

/** Whether a name inside a root is passed over. */
export const isIgnored = (name: string): boolean =>
  name.startsWith('.') || name.startsWith('~$') || ignoredNames.has(name) || ignoredFiles.has(name)

/** Whether `path` is `root` or lies below it. */
export const isWithin = (path: string, root: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)

/**
 * A root as it is kept: absolute, links in it resolved.
 * @throws invalid_input for a relative path, not_found where nothing is.
 */
export async function rootPath(path: string): Promise<string> {
  const whole = /^~(?=$|[\\/])/.test(path) ? join(homedir(), path.slice(1)) : path
  if (!isAbsolute(whole)) throw new MoruError('invalid_input', `${path}: an absolute path is needed here.`)
  const real = await realpath(whole).catch(() => null)
  if (real === null) throw new MoruError('not_found', `There is nothing at ${path}.`)
  const found = await stat(real)
  if (!found.isFile() && !found.isDirectory())
    throw new MoruError('invalid_input', `${path} is neither a file nor a folder.`)
  return real
}

/** All files of the roots, in the order of their paths within each folder. A file below two roots comes once. */
export async function walkRoots(roots: readonly string[], signal: AbortSignal): Promise<Walked> {
  const walked: Walked = { files: [], skipped: [], unseen: [] }
  const outer = roots.filter((root) => !roots.some((other) => other !== root && isWithin(root, other)))
  for (const root of outer) {
    const found = await lstat(root).catch(() => null)
    if (found?.isDirectory()) await walkFolder(root, 0, walked, signal)
    else if (found?.isFile()) walked.files.push(fileOf(root, found))
    else await noteMissing(root, walked)
  }
  return walked
}

/** A file that is gone from its folder is gone; a folder may be on a disk that is not plugged in. */
async function noteMissing(root: string, walked: Walked): Promise<void> {
  walked.unseen.push(root)
  walked.skipped.push({ path: root, reason: 'It is not there. What was indexed from it before is kept.' })
}

async function walkFolder(folder: string, depth: number, walked: Walked, signal: AbortSignal): Promise<void> {
  throwIfCancelled(signal)
  if (depth > mostDepth) return skip(walked, folder, `It lies more than ${mostDepth} folders deep.`)
  let entries: Dirent[]
  try {
    entries = await entriesOf(folder, walked, signal)
  } catch (thrown) {
    if (thrown instanceof MoruError) throw thrown
    return skip(walked, folder, `The folder cannot be read: ${(thrown as Error).message}.`)
  }
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isSymbolicLink()) walked.skipped.push({ path, reason: 'It is a link, and links are not followed.' })
    else if (entry.isDirectory()) await walkFolder(path, depth + 1, walked, signal)
    else if (entry.isFile()) {
      const found = await lstat(path).catch(() => null)
      // Gone since the folder was read: as if it had not been there.
      if (found) walked.files.push(fileOf(path, found))
    } else walked.skipped.push({ path, reason: 'It is a pipe, a socket or a device, not a file.' })
  }
}

async function entriesOf(folder: string, walked: Walked, signal: AbortSignal): Promise<Dirent[]> {
  const entries: Dirent[] = []
  for await (const entry of await opendir(folder)) {
    throwIfCancelled(signal)
    if (isIgnored(entry.name)) continue
    entries.push(entry)
    if (walked.files.length + entries.length > mostFiles)
      throw new MoruError(
        'invalid_input',
        `There are more than ${mostFiles} files below the roots. Index a part of them.`,
      )
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function skip(walked: Walked, path: string, reason: string): void {
  walked.skipped.push({ path, reason })
  walked.unseen.push(path)
}

const fileOf = (path: string, { size, mtimeMs }: { size: number; mtimeMs: number }): FoundFile => ({
  path,
  sizeBytes: size,
  changedAt: mtimeMs,
})
