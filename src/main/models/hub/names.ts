/** Names that a server gives are hostile: what may become part of a path on this machine, on every platform. */
import { join } from 'node:path'
import { MoruError } from '../../../shared/errors'

// Device names that Windows resolves in any folder and with any extension.
const reserved = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i
// Separators, drive and stream colons, wildcards, control characters.
const forbidden = /[\\/:*?"<>|\p{Cc}]/u

/** Why a single name cannot be a file or folder name everywhere, or null. */
function problem(name: string): string | null {
  if (name === '' || name === '.' || name === '..') return 'is not a name'
  if (forbidden.test(name)) return 'holds a character that file names cannot have'
  if (/[. ]$/.test(name)) return 'ends in a dot or a space'
  if (reserved.test(name)) return 'is a device name on Windows'
  if (Buffer.byteLength(name) > 200) return 'is longer than 200 bytes'
  return null
}

/**
 * The segments of a file's path inside a repository, each safe as a file name on Linux, macOS and Windows.
 * @throws MoruError invalid_input for a path that could leave its folder or that some platform cannot hold.
 */
export function safeSegments(path: string): string[] {
  const segments = path.split('/')
  for (const segment of segments) {
    const why = problem(segment)
    if (why) throw new MoruError('invalid_input', `The hub names a file ${quoted(path)}: ${quoted(segment)} ${why}.`)
  }
  const last = segments.at(-1) ?? ''
  if (segments.length > 16) throw new MoruError('invalid_input', `The path ${quoted(path)} has more than 16 folders.`)
  if (/\.part(\.json)?$/i.test(last))
    throw new MoruError('invalid_input', `${quoted(path)} ends in .part, which Moru keeps for unfinished downloads.`)
  return segments
}

/** Owner (null for old repositories without one) and name of a repository id. */
export function parseRepo(repo: string): { owner: string | null; name: string } {
  const parts = repo.split('/')
  const valid =
    parts.length <= 2 && parts.every((p) => /^[\w.-]{1,96}$/.test(p) && !problem(p) && !/^[-.]|\.\.|--/.test(p))
  if (!valid)
    throw new MoruError(
      'invalid_input',
      `${quoted(repo)} is not a repository id: write OWNER/NAME, as the hub's page does.`,
    )
  return parts.length === 2 ? { owner: parts[0], name: parts[1] } : { owner: null, name: parts[0] }
}

/** @throws MoruError invalid_input for what cannot be a git branch, tag or commit. */
export function checkRevision(revision: string): string {
  if (!/^[\w][\w./+-]{0,199}$/.test(revision) || /\.\.|\/\/|\/$/.test(revision))
    throw new MoruError('invalid_input', `${quoted(revision)} is not a revision: give a branch, a tag or a commit.`)
  return revision
}

/** The folder below the models folder that a repository's files go to; other revisions than main get their own. */
export function repoFolder(modelsFolder: string, repo: string, revision: string): string {
  const { owner, name } = parseRepo(repo)
  const leaf = revision === 'main' ? name : `${name}@${checkRevision(revision).replaceAll('/', '+')}`
  safeSegments(leaf)
  return join(modelsFolder, owner ?? '@', leaf)
}

/** A foreign text inside a message: shortened, and without control characters that could forge lines on a terminal. */
export function quoted(text: string): string {
  const clean = text.replace(/\p{C}/gu, '\ufffd')
  return `"${clean.length > 120 ? `${clean.slice(0, 117)}...` : clean}"`
}
