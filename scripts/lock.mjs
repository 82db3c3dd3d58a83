// @ts-check
/** A lock between processes: a file that only one can create. */
import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const longestWorkMs = 10 * 60_000

/**
 * Does some work while holding a lock; waits while another process holds it. A holder that died is recognised.
 * Where the lock's folder may not be written to, the work is done without it.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, work) {
  if (!writable(dirname(file))) return work()
  while (!take(file)) {
    if (abandoned(file)) rmSync(file, { force: true })
    else await sleep(50)
  }
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

/** @param {string} folder Made where it does not exist. */
function writable(folder) {
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** @param {string} file */
function take(file) {
  let handle
  try {
    handle = openSync(file, 'wx')
  } catch (error) {
    const code = /** @type {NodeJS.ErrnoException} */ (error).code
    // Windows says the latter of a file that is just being removed.
    if (code === 'EEXIST' || (process.platform === 'win32' && code === 'EPERM')) return false
    throw error
  }
  writeSync(handle, String(process.pid))
  closeSync(handle)
  return true
}

/** @param {string} file @returns {boolean} Whether the holder is gone, or has held it longer than any work here takes. */
function abandoned(file) {
  try {
    if (Date.now() - statSync(file).mtimeMs > longestWorkMs) return true
    const pid = Number(readFileSync(file, 'utf8'))
    // Empty for the moment between creating the file and writing to it.
    return pid > 0 && !alive(pid)
  } catch {
    return false
  }
}

/** @param {number} pid */
function alive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}
