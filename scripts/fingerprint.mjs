// @ts-check
/** What a build was made from, as one hash, and what it left behind: enough to know whether it is still good. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const sources = ['src', 'kernels']
const settings = ['electron.vite.config.ts', 'tsconfig.json', 'package.json', 'package-lock.json']
// Models lie here: their names and sizes say enough, their gigabytes need not be read at every start.
const listed = ['resources']

export const stampFile = 'stamp.json'

/**
 * Every file below a folder.
 * @param {string} base
 * @param {string} folder Relative to base.
 * @returns {string[]} Paths relative to base with forward slashes, sorted; empty where the folder does not exist.
 */
export function filesBelow(base, folder) {
  /** @type {string[]} */
  const found = []
  /** @param {string} at */
  const walk = (at) => {
    for (const entry of readdirSync(join(base, at), { withFileTypes: true })) {
      const path = `${at}/${entry.name}`
      if (entry.isDirectory()) walk(path)
      else found.push(path)
    }
  }
  if (existsSync(join(base, folder))) walk(folder)
  return found.sort()
}

/**
 * A hash over everything that the build depends on. Contents rather than times: a fresh clone or a switched branch
 * changes times without changing anything.
 * @param {string} root
 * @returns {string} 64 hex digits.
 */
export function fingerprint(root) {
  const hash = createHash('sha256')
  const contents = [...sources.flatMap((folder) => filesBelow(root, folder)), ...settings]
  for (const path of contents.filter((path) => existsSync(join(root, path)))) {
    const bytes = readFileSync(join(root, path))
    hash.update(`${path}\0${bytes.length}\0`).update(bytes)
  }
  for (const path of listed.flatMap((folder) => filesBelow(root, folder)))
    hash.update(`${path}\0${statSync(join(root, path)).size}\0`)
  return hash.digest('hex')
}

/**
 * Marks a finished build. Written into the build's folder before that is moved into place, so one is never there without the other.
 * @param {string} folder Where the build is.
 * @param {string} from The fingerprint taken before the build began.
 */
export function makeStamp(folder, from) {
  const outputs = readdirSync(folder).flatMap((name) => filesBelow(folder, name))
  return { fingerprint: from, outputs }
}

/**
 * @param {string} folder Where the build should be.
 * @param {string} wanted The fingerprint of the sources as they are.
 * @returns {'fresh' | 'missing' | 'stale'} Missing also means incomplete.
 */
export function buildState(folder, wanted) {
  let stamp
  try {
    stamp = JSON.parse(readFileSync(join(folder, stampFile), 'utf8'))
  } catch {
    return 'missing'
  }
  if (
    !Array.isArray(stamp?.outputs) ||
    !stamp.outputs.every((/** @type {string} */ path) => existsSync(join(folder, path)))
  )
    return 'missing'
  return stamp.fingerprint === wanted ? 'fresh' : 'stale'
}
