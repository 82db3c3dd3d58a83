// @ts-check
/** Electron's binary, which its package fetches separately. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture } from './child.mjs'
import { say, since } from './console.mjs'
import { cacheDir, childEnv, root } from './runtime.mjs'

const limitMs = 60_000
const folder = join(root, 'node_modules', 'electron')
const memory = join(cacheDir, 'electron.json')

/**
 * @param {string} [packageFolder]
 * @returns {string | null} The binary's path, where it is there whole.
 */
export function findElectron(packageFolder = folder) {
  try {
    const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'))
    const dist = process.env.ELECTRON_OVERRIDE_DIST_PATH || join(packageFolder, 'dist')
    if (readFileSync(join(dist, 'version'), 'utf8').trim().replace(/^v/, '') !== version) return null
    const binary = join(dist, readFileSync(join(packageFolder, 'path.txt'), 'utf8'))
    return existsSync(binary) ? binary : null
  } catch {
    return null
  }
}

/** @returns {boolean} Whether fetching this version of Electron was tried here in vain. */
export function electronFailed() {
  try {
    return JSON.parse(readFileSync(memory, 'utf8')).version === electronVersion()
  } catch {
    return false
  }
}

/**
 * Runs Electron's own installer, once: a failure is remembered.
 * @param {string} node Node 24.
 * @returns {Promise<string | null>} The binary's path.
 */
export async function fetchElectron(node) {
  if (!existsSync(join(folder, 'install.js'))) return null
  say(`fetching Electron ${electronVersion()} for the window; this happens once and takes at most ${limitMs / 1000} s`)
  const start = performance.now()
  const { output, timedOut } = await capture(node, [join(folder, 'install.js')], {
    cwd: folder,
    env: childEnv(node),
    timeoutMs: limitMs,
  })
  const binary = findElectron()
  mkdirSync(cacheDir, { recursive: true })
  if (binary) {
    rmSync(memory, { force: true })
    say(`fetched in ${since(start)}`)
    return binary
  }
  writeFileSync(memory, JSON.stringify({ version: electronVersion() }))
  const cause = timedOut ? `it took longer than ${limitMs / 1000} s` : (output.trim().split('\n')[0] ?? '')
  say(
    `Electron could not be fetched: ${cause}\nMoru opens in the browser instead. \`npm start -- --window\` tries again.`,
  )
  return null
}

function electronVersion() {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version
}
