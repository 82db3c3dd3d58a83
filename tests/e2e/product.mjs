// @ts-check
/** Starts the product as a person does, with `npm start`'s own command and a profile of its own, and opens it in Chromium. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { addressWatcher } from '../../scripts/browser.mjs'
import { findChromium } from '../../scripts/chromium.mjs'

const root = join(import.meta.dirname, '../..')
const startLimitMs = 120_000
const endLimitMs = 20_000

/**
 * @typedef {object} Product
 * @property {string} url The address that was printed, with its token.
 * @property {number} startedMs From the command to the address.
 * @property {() => string} stderr What was printed on standard error so far.
 * @property {() => Promise<number | null>} stop Ends it as Ctrl+C does and removes its profile; gives the exit code.
 */

/** @returns {Promise<Product>} */
export async function startProduct() {
  const profile = mkdtempSync(join(tmpdir(), 'moru-e2e-'))
  const began = performance.now()
  const flags = ['--browser', '--no-open', '--profile', profile]
  const child = spawn(process.execPath, [join(root, 'scripts/launch.mjs'), 'start', ...flags], {
    cwd: root,
    env: { ...process.env, CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  const closed = once(child, 'close')

  async function stop() {
    const timer = setTimeout(() => child.kill('SIGKILL'), endLimitMs)
    child.kill('SIGTERM')
    const [code] = await closed
    clearTimeout(timer)
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    return code
  }

  /** @type {Promise<string>} */
  const address = new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => watch(String(chunk)))
    const watch = addressWatcher(resolve)
    void closed.then(([code]) => reject(new Error(`the product ended with ${code} by itself: ${stderr}`)))
    setTimeout(() => reject(new Error(`no address within ${startLimitMs} ms: ${stderr}`)), startLimitMs).unref()
  })
  try {
    const url = await address
    return { url, startedMs: performance.now() - began, stderr: () => stderr, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** @returns {Promise<import('playwright-core').Browser>} Chromium without its own traffic. */
export function openChromium() {
  return chromium.launch({
    executablePath: findChromium() ?? undefined,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/**
 * Collects everything that a page complains about: errors and warnings in its console, exceptions, requests that fail,
 * and whatever its content security policy refuses.
 * @param {import('playwright-core').Page} page Before its first navigation.
 * @returns {Promise<string[]>} Grows as complaints come.
 */
export async function complaintsOf(page) {
  /** @type {string[]} */
  const complaints = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      complaints.push(`console ${message.type()}: ${message.text()} (${message.location().url})`)
  })
  page.on('pageerror', (error) => complaints.push(`exception: ${error.stack ?? error.message}`))
  page.on('requestfailed', (request) => complaints.push(`request failed: ${request.url()}`))
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`HTTP ${response.status()}: ${response.url()}`)
  })
  await page.exposeFunction('reportRefusal', (/** @type {string} */ text) => void complaints.push(text))
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      const { reportRefusal } = /** @type {{ reportRefusal: (text: string) => void }} */ (
        /** @type {unknown} */ (window)
      )
      reportRefusal(`refused by the policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`)
    })
  })
  return complaints
}
