// @ts-check
/** Starts the product as a person does, asks for the address it prints, and ends it. For scripts/bare-root.sh. */
import { spawn } from 'node:child_process'
import { addressWatcher } from './browser.mjs'
import { say, since } from './console.mjs'

const limitMs = 5 * 60_000
const endLimitMs = 20_000

const start = performance.now()
const child = spawn('npm', ['start', '--', '--browser', '--no-open'], { stdio: ['ignore', 'pipe', 'inherit'] })
const timer = setTimeout(() => finish(false, 'no address was printed in time'), limitMs)
const watch = addressWatcher((url) => void ask(url))
child.stdout.on('data', (chunk) => {
  process.stdout.write(chunk)
  watch(chunk.toString('utf8'))
})
// 'close' and not 'exit': it comes when the product itself has let go of the output, not just npm.
child.on('close', () => finish(false, 'the product ended by itself'))

/** @param {string} url */
async function ask(url) {
  say(`address after ${since(start)}`)
  const response = await fetch(url)
  const body = await response.text()
  const page = response.ok && body.includes('<div id="app"')
  say(`HTTP ${response.status}, ${response.headers.get('content-type')}, ${body.length} characters`)
  child.removeAllListeners('close')
  child.on('close', () =>
    finish(page, page ? 'the page is served, and the product ended when told' : 'this is not the page'),
  )
  setTimeout(() => finish(false, 'the product did not end when told'), endLimitMs)
  child.kill('SIGTERM')
}

/** @param {boolean} ok @param {string} words */
function finish(ok, words) {
  clearTimeout(timer)
  say(words)
  process.exit(ok ? 0 : 1)
}
