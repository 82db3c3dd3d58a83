// @ts-check
/** `npm start`: the product in a window or in the browser, the same renderer in both. */
import { join } from 'node:path'
import { addressWatcher, openBrowser } from './browser.mjs'
import { ensureBuild } from './build.mjs'
import { foreground } from './child.mjs'
import { say } from './console.mjs'
import { ensureDriver } from './driver.mjs'
import { electronFailed, fetchElectron, findElectron } from './electron.mjs'
import { childEnv, root } from './runtime.mjs'
import { withRuntimeDir } from './runtime-dir.mjs'
import { startFlags, startMode } from './start-mode.mjs'

/**
 * @param {string} node Node 24.
 * @param {string[]} args
 * @returns {Promise<number>} The product's exit code.
 */
export async function start(node, args) {
  const { asked, open, rest } = startFlags(args)
  const isRoot = process.getuid?.() === 0
  const { mode, because } = startMode(asked, {
    platform: process.platform,
    env: process.env,
    isRoot,
    electronInstalled: findElectron() !== null,
    electronFailed: electronFailed(),
  })
  await ensureDriver(node)
  await ensureBuild(node)
  const binary = mode === 'fetch window' ? await fetchElectron(node) : mode === 'window' ? findElectron() : null
  if (binary) return startWindow(binary, node, isRoot, rest)
  if (mode === 'browser' && asked === null) say(`serving the window to a browser: ${because}`)
  return startServer(node, open, rest)
}

/** @param {string} binary @param {string} node @param {boolean} isRoot @param {string[]} rest */
function startWindow(binary, node, isRoot, rest) {
  const env = childEnv(node)
  // Set by editors that are Electron themselves; with it the binary is a plain Node.
  delete env.ELECTRON_RUN_AS_NODE
  return foreground(binary, [...(isRoot ? ['--no-sandbox'] : []), root, ...rest], { env })
}

/** @param {string} node @param {boolean} open Whether to open a browser. @param {string[]} rest */
function startServer(node, open, rest) {
  const env = withRuntimeDir(childEnv(node))
  const onOutput = open ? addressWatcher(openBrowser) : undefined
  return foreground(node, [join(root, 'out/main/serve.js'), ...rest], { env, onOutput })
}
