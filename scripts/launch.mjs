// @ts-check
// What every npm script calls. Runs on Node 20 or later and starts the real work with Node 24.
import { join } from 'node:path'
import { foreground } from './child.mjs'
import { say, Stop } from './console.mjs'
import { childEnv, findNode, findTool, root } from './runtime.mjs'
import { withRuntimeDir } from './runtime-dir.mjs'

/** @typedef {(node: string, args: string[]) => Promise<number>} Mode Takes Node 24 and arguments, gives the exit code. */

/** @type {Record<string, Mode>} */
const modes = {
  start: async (node, args) => (await import('./start.mjs')).start(node, args),
  test: async (node, args) => (await import('./test.mjs')).test(node, args),
  moru: async (node, args) => {
    await (await import('./driver.mjs')).ensureDriver(node)
    await (await import('./build.mjs')).ensureBuild(node)
    const env = withRuntimeDir(childEnv(node))
    return foreground(node, [join(root, 'out/main/moru.js'), ...args], { env, cwd: callersFolder() })
  },
  build: async (node) => {
    await (await import('./build.mjs')).ensureBuild(node, { force: true })
    return 0
  },
  setup: async (node) => {
    const driver = await (await import('./driver.mjs')).setUpDriver(node)
    const chromium = await (await import('./chromium.mjs')).ensureChromium()
    if (driver && chromium) say('everything is there')
    return driver && chromium ? 0 : 1
  },
  tool: async (node, args) =>
    foreground(node, [findTool(root, args[0]), ...args.slice(1)], { cwd: root, env: withRuntimeDir(childEnv(node)) }),
}

/** npm moves to the repository's folder first; a relative path in the arguments is meant from where the person is. */
function callersFolder() {
  const { INIT_CWD, npm_lifecycle_event: script } = process.env
  return script === 'moru' || script === 'bench' ? INIT_CWD : undefined
}

async function main() {
  const [name = '', ...args] = process.argv.slice(2)
  if (!Object.hasOwn(modes, name)) throw new Stop(`launch.mjs ${Object.keys(modes).join(' | ')} [arguments]`, 2)
  return modes[name](findNode(root), args)
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Stop)) throw error
  say(error.message)
  process.exitCode = error.exitCode
}
