// @ts-check
/** The browser that the renderer's and the end-to-end tests run in. */
import { existsSync } from 'node:fs'
import { aptInstall, canInstall } from './apt.mjs'
import { say } from './console.mjs'
import { thisDistribution } from './distribution.mjs'

/** @type {Record<string, string[]>} */
const places = {
  linux: [
    '/usr/bin/chromium',
    '/usr/bin/google-chrome-stable',
    '/usr/bin/google-chrome',
    '/usr/bin/chromium-browser',
    '/usr/bin/microsoft-edge',
  ],
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  win32: [
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
  ],
}

/**
 * @param {NodeJS.ProcessEnv} [env] CHROMIUM_PATH names one outright.
 * @param {string} [platform]
 * @returns {string | null} The browser's path.
 */
export function findChromium(env = process.env, platform = process.platform) {
  if (env.CHROMIUM_PATH) return env.CHROMIUM_PATH
  return (places[platform] ?? []).find((path) => existsSync(path)) ?? null
}

/** @returns {Promise<string | null>} The browser's path, installed as root on Debian where there was none. */
export async function ensureChromium() {
  const found = findChromium()
  if (found) return found
  // Ubuntu's package of that name only fetches a snap.
  const debian = thisDistribution().id === 'debian'
  if (debian && canInstall() && (await aptInstall(['chromium']))) return findChromium()
  say(
    'The tests of the window need Chromium or Chrome, and none was found.\n' +
      (debian ? 'Run:  sudo apt-get install -y --no-install-recommends chromium' : 'Install one') +
      ', or set CHROMIUM_PATH to one.',
  )
  return null
}
