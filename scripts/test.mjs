// @ts-check
/** `npm test`: style, types and the build side by side, then every test. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuild } from './build.mjs'
import { capture, foreground } from './child.mjs'
import { ensureChromium } from './chromium.mjs'
import { say, since } from './console.mjs'
import { ensureDriver } from './driver.mjs'
import { cacheDir, childEnv, findTool, root } from './runtime.mjs'
import { withRuntimeDir } from './runtime-dir.mjs'
import { closingLine } from './test-report.mjs'

/** @typedef {{ name: string, ok: boolean, output: string, took: string }} Check */

/**
 * @param {string} node Node 24.
 * @param {string[]} args For vitest; with any, the checks are left out: the person is after particular tests.
 * @returns {Promise<number>} The exit code.
 */
export async function test(node, args) {
  await ensureDriver(node, { patient: true })
  const chromium = await ensureChromium()
  const env = withRuntimeDir(childEnv(node))
  if (chromium) env.CHROMIUM_PATH = chromium
  const failed = args.length === 0 ? await runChecks(node, env) : 0
  if (failed > 0) {
    say('the tests were not run: the checks above come first')
    process.stdout.write(`0 passed, ${failed} failed\n`)
    return 1
  }
  await ensureBuild(node)
  return runTests(node, env, args)
}

/**
 * Two at a time, the longest first; all of them, so that one run shows everything there is to mend.
 * @param {string} node @param {NodeJS.ProcessEnv} env @returns {Promise<number>} How many failed.
 */
async function runChecks(node, env) {
  /** @type {[string, () => Promise<{ status: number, output: string }>][]} */
  const waiting = [
    ['build', () => checkBuild(node)],
    ['types', () => capture(node, [findTool(root, 'vue-tsc'), '--noEmit'], { cwd: root, env })],
    ['lint', () => capture(node, [findTool(root, 'eslint'), '.', '--max-warnings', '0'], { cwd: root, env })],
    ['format', () => capture(node, [findTool(root, 'prettier'), '--check', '.'], { cwd: root, env })],
  ]
  let failed = 0
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [name, run] = next
      const start = performance.now()
      const { status, output } = await run()
      if (status !== 0) failed++
      say(`${name}: ${status === 0 ? 'passed' : 'FAILED'} in ${since(start)}`)
      if (status !== 0) process.stderr.write(`${output.trim()}\n`)
    }
  }
  await Promise.all([lane(), lane()])
  return failed
}

/** @param {string} node */
async function checkBuild(node) {
  try {
    await ensureBuild(node)
    return { status: 0, output: '' }
  } catch (error) {
    return { status: 1, output: error instanceof Error ? error.message : String(error) }
  }
}

/** @param {string} node @param {NodeJS.ProcessEnv} env @param {string[]} args @returns {Promise<number>} */
async function runTests(node, env, args) {
  const report = join(cacheDir, `test-report-${process.pid}.json`)
  mkdirSync(cacheDir, { recursive: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const status = await foreground(node, [findTool(root, 'vitest'), 'run', ...reporters, ...args], { cwd: root, env })
  const { line, ok } = closingLine(readReport(report), status)
  rmSync(report, { force: true })
  process.stdout.write(`${line}\n`)
  return ok ? 0 : status || 1
}

/** @param {string} file @returns {unknown} Null where the run ended before it was written. */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}
