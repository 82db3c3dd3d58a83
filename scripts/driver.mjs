// @ts-check
/** Sees to it that WebGPU finds an adapter: asks, installs Mesa's Vulkan driver where it may, else says what to run. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { aptInstall, canInstall } from './apt.mjs'
import { capture } from './child.mjs'
import { say } from './console.mjs'
import { driverPlan, thisDistribution } from './distribution.mjs'
import { driverFiles, driverKey } from './driver-files.mjs'
import { withLock } from './lock.mjs'
import { cacheDir, childEnv, root } from './runtime.mjs'
import { withRuntimeDir } from './runtime-dir.mjs'

// Windows brings Direct3D 12 and macOS Metal.
const needsDriver = process.platform === 'linux'
const probeLimitMs = 60_000
const retryAfterMs = 10 * 60_000
const memory = join(cacheDir, 'driver.json')

/**
 * @typedef {{ key: string, usable: boolean, at: number }} Remembered
 */

/**
 * Makes an adapter available if that can be done here. Never an error: without one the product says so itself.
 * @param {string} node Node 24.
 * @param {{ patient?: boolean }} [options] patient: try to install again even if that failed a moment ago.
 * @returns {Promise<boolean>} Whether there is an adapter.
 */
export async function ensureDriver(node, { patient = false } = {}) {
  if (!needsDriver) return true
  const known = remembered()
  if (known?.usable) return true
  if (known && !patient && Date.now() - known.at < retryAfterMs) return obtain({ again: false })
  return withLock(join(cacheDir, 'driver.lock'), async () => {
    if (remembered()?.usable) return true
    const usable = await setUpDriver(node)
    remember(usable)
    return usable
  })
}

/**
 * The same without looking at or keeping what was found before: as root it may run in a folder of another user's.
 * @param {string} node
 * @returns {Promise<boolean>}
 */
export async function setUpDriver(node) {
  if (!needsDriver) return true
  return (await probe(node)) || ((await obtain({ again: true })) && (await probeAgain(node)))
}

/**
 * @param {string} node
 * @returns {Promise<boolean>} Whether Dawn offers an adapter right now.
 */
export async function probe(node) {
  const script = join(root, 'scripts', 'probe-adapter.mjs')
  const { output } = await capture(node, [script], { env: withRuntimeDir(childEnv(node)), timeoutMs: probeLimitMs })
  // The line, not the exit code: some drivers crash on the way out, with the work done.
  return /^\{"found":true\b/m.test(output)
}

/** @param {string} node */
async function probeAgain(node) {
  if (await probe(node)) return true
  say("Mesa's Vulkan driver is installed, and WebGPU still finds no adapter. `npm run -s moru -- doctor` shows more.")
  return false
}

/**
 * @param {{ again: boolean }} options again: install even if that failed a moment ago.
 * @returns {Promise<boolean>} Whether a driver was installed; where not, the person has been told what to do.
 */
async function obtain({ again }) {
  const setup = `sudo '${process.execPath}' '${join(root, 'scripts', 'launch.mjs')}' setup`
  const plan = driverPlan(thisDistribution(), { isRoot: canInstall(), setup })
  if (plan.kind === 'install') {
    if (again) return aptInstall(plan.packages, { suite: plan.suite })
    say('WebGPU found no graphics adapter, and installing one failed a moment ago. `npm run setup` tries again.')
    return false
  }
  const lines = ['WebGPU found no graphics adapter on this machine.']
  if (plan.words) lines.push(plan.words)
  if (plan.command) lines.push(`To install a software one (Mesa's lavapipe), run:  ${plan.command}`)
  say(lines.join('\n'))
  return false
}

/** @returns {Remembered | null} What was found before, if nothing that matters has changed since. */
function remembered() {
  try {
    const found = JSON.parse(readFileSync(memory, 'utf8'))
    return found.key === currentKey() ? found : null
  } catch {
    return null
  }
}

/** @param {boolean} usable */
function remember(usable) {
  try {
    mkdirSync(cacheDir, { recursive: true })
    writeFileSync(memory, JSON.stringify({ key: currentKey(), usable, at: Date.now() }))
  } catch {
    // A folder that may not be written to costs a second at every start, no more.
  }
}

function currentKey() {
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules', 'webgpu', 'package.json'), 'utf8'))
  return driverKey(driverFiles(), version)
}
