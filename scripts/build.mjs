// @ts-check
/** Keeps out/ in step with the sources. */
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { capture } from './child.mjs'
import { say, since, Stop } from './console.mjs'
import { buildState, filesBelow, fingerprint, makeStamp, stampFile } from './fingerprint.mjs'
import { withLock } from './lock.mjs'
import { cacheDir, childEnv, findTool, root } from './runtime.mjs'

const out = join(root, 'out')
const asidePrefix = 'build-'

/**
 * Builds what is missing or stale. Several processes may ask at once: one builds, the others wait and find it done.
 * @param {string} node Node 24.
 * @param {{ force?: boolean }} [options]
 */
export async function ensureBuild(node, { force = false } = {}) {
  if (!force && buildState(out, fingerprint(root)) === 'fresh') return
  await withLock(join(cacheDir, 'build.lock'), async () => {
    const from = fingerprint(root)
    const state = buildState(out, from)
    if (state === 'fresh' && !force) return
    say({ missing: 'building', stale: 'building: the sources have changed', fresh: 'building' }[state])
    const start = performance.now()
    sweep()
    const aside = join(cacheDir, `${asidePrefix}${process.pid}`)
    try {
      await build(node, aside)
      writeFileSync(join(aside, stampFile), JSON.stringify(makeStamp(aside, from)))
      await putInPlace(aside, out)
    } finally {
      rmSync(aside, { recursive: true, force: true })
    }
    say(`built in ${since(start)}`)
  })
}

/** Removes what builds that were killed left behind; the lock is held, so none is running. */
function sweep() {
  for (const name of readdirSync(cacheDir).filter((name) => name.startsWith(asidePrefix)))
    rmSync(join(cacheDir, name), { recursive: true, force: true })
}

/** @param {string} node @param {string} folder Where the result goes. */
async function build(node, folder) {
  mkdirSync(folder, { recursive: true })
  const args = [findTool(root, 'electron-vite'), 'build', '--outDir', folder, '--logLevel', 'warn']
  // Its report is shown only where it failed, and then as plain text.
  const env = { ...childEnv(node), NODE_ENV: 'production', NO_COLOR: '1', FORCE_COLOR: undefined }
  const { status, output } = await capture(node, args, { cwd: root, env })
  if (status !== 0) throw new Stop(`the build failed:\n${withoutStack(output)}`)
  await checkSyntax(node, folder)
}

/**
 * The bundler joins modules and adds lines of its own (a `require` among them) without noticing when two of them declare the same name.
 * @param {string} node @param {string} folder
 */
async function checkSyntax(node, folder) {
  const files = filesBelow(folder, 'main').filter((path) => path.endsWith('.js'))
  const results = await Promise.all(files.map((path) => capture(node, ['--check', join(folder, path)])))
  const wrong = results.find(({ status }) => status !== 0)
  if (wrong) throw new Stop(`the build made a file that Node cannot read:\n${withoutStack(wrong.output)}`)
}

/** @param {string} output @returns {string} What is wrong with the sources, without the inside of the build tools. */
function withoutStack(output) {
  return output.replace(/^ +at .*\n?/gm, '').trim()
}

/**
 * Swaps a folder in by renaming, so that nobody ever sees half of it.
 * @param {string} aside The new folder; gone afterwards.
 * @param {string} target
 */
export async function putInPlace(aside, target) {
  const old = `${target}.old-${process.pid}`
  let ready = aside
  for (let attempt = 0; ; attempt++) {
    try {
      clear(target, old)
      renameSync(ready, target)
      break
    } catch (error) {
      const code = errorCode(error)
      if (code === 'EXDEV' && ready === aside) ready = copyBeside(aside, target)
      // Someone else's swap, or on Windows a virus scanner with a file open: a moment later it works.
      else if (attempt < 50 && ['ENOTEMPTY', 'EEXIST', 'EPERM', 'EBUSY', 'EACCES'].includes(code)) await sleep(100)
      else throw error
    }
  }
  rmSync(aside, { recursive: true, force: true })
  rmSync(old, { recursive: true, force: true })
}

/** @param {string} target @param {string} old Where to move it. */
function clear(target, old) {
  try {
    renameSync(target, old)
  } catch (error) {
    // A container's file system refuses to rename a folder of a lower layer.
    if (errorCode(error) === 'EXDEV') rmSync(target, { recursive: true })
    else if (errorCode(error) !== 'ENOENT') throw error
  }
}

/**
 * Renaming does not work across file systems, and node_modules may be a volume of its own.
 * @param {string} aside @param {string} target @returns {string} A copy on the target's file system.
 */
function copyBeside(aside, target) {
  const copy = `${target}.new-${process.pid}`
  cpSync(aside, copy, { recursive: true })
  return copy
}

/** @param {unknown} error */
function errorCode(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code ?? ''
}
