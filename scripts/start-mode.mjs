// @ts-check
/** Where the product shows itself: in Electron's window or in a browser. A decision and nothing else. */
import { Stop } from './console.mjs'

/**
 * @typedef {object} Surroundings
 * @property {string} platform As process.platform.
 * @property {NodeJS.ProcessEnv} env
 * @property {boolean} isRoot
 * @property {boolean} electronInstalled Whether Electron's binary is there.
 * @property {boolean} electronFailed Whether fetching it failed before.
 *
 * @typedef {object} StartMode
 * @property {'window' | 'fetch window' | 'browser'} mode fetch window: the window, once Electron's binary has been fetched; else the browser.
 * @property {string} because For people.
 */

/** @param {{ platform: string, env: NodeJS.ProcessEnv }} where @returns {boolean} Whether a window can be shown. */
export function hasDisplay({ platform, env }) {
  if (platform === 'win32' || platform === 'darwin') return true
  return Boolean(env.DISPLAY || env.WAYLAND_DISPLAY)
}

/**
 * @param {'window' | 'browser' | null} asked What the person asked for.
 * @param {Surroundings} around
 * @returns {StartMode}
 */
export function startMode(asked, around) {
  if (asked === 'browser') return { mode: 'browser', because: 'asked for' }
  if (!hasDisplay(around)) {
    if (asked === 'window')
      throw new Stop('There is no display for a window (DISPLAY and WAYLAND_DISPLAY are not set).')
    return { mode: 'browser', because: 'there is no display' }
  }
  if (asked === 'window') return { mode: around.electronInstalled ? 'window' : 'fetch window', because: 'asked for' }
  // Chromium's sandbox does not work for root, and a window without it is not a good default.
  if (around.isRoot)
    return { mode: 'browser', because: 'root has no sandbox for a window (--window opens one all the same)' }
  if (around.electronInstalled) return { mode: 'window', because: 'Electron and a display are there' }
  if (around.electronFailed)
    return { mode: 'browser', because: "Electron's binary could not be fetched (--window tries again)" }
  return { mode: 'fetch window', because: 'there is a display' }
}

/**
 * Takes the launcher's own flags out of the arguments; the rest is the product's.
 * @param {string[]} args
 * @returns {{ asked: 'window' | 'browser' | null, open: boolean, rest: string[] }}
 */
export function startFlags(args) {
  const own = ['--window', '--browser', '--no-open']
  if (args.includes('--window') && args.includes('--browser')) throw new Stop('--window or --browser, not both.', 2)
  return {
    asked: args.includes('--window') ? 'window' : args.includes('--browser') ? 'browser' : null,
    open: !args.includes('--no-open'),
    rest: args.filter((arg) => !own.includes(arg)),
  }
}
