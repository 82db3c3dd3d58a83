// @ts-check
/** Two ways to start a program: captured, for steps, and in the foreground, for what the person asked for. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

// Noted before any work: the parent may be gone by the time the work begins.
const parent = process.ppid

/**
 * @typedef {object} Captured
 * @property {number} status Exit code; 128 + n for signal n; 127 where the program could not be started.
 * @property {string} output Standard output and standard error in the order they came.
 * @property {boolean} timedOut
 */

/**
 * Runs a program to its end without a terminal and keeps what it prints.
 * @param {string} file
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, timeoutMs?: number }} [options]
 * @returns {Promise<Captured>}
 */
export function capture(file, args, { env, cwd, timeoutMs } = {}) {
  return new Promise((resolve) => {
    // A group of its own, so that the time limit also ends what the program started itself.
    const grouped = process.platform !== 'win32' && timeoutMs !== undefined
    const child = spawn(file, args, {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: grouped,
      windowsHide: true,
    })
    /** @type {Buffer[]} */
    const chunks = []
    let timedOut = false
    const kill = () => {
      if (grouped && child.pid) process.kill(-child.pid, 'SIGKILL')
      else child.kill('SIGKILL')
    }
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true
            kill()
          }, timeoutMs)
    /** @param {number} status @param {string} [extra] */
    const finish = (status, extra = '') => {
      clearTimeout(timer)
      resolve({ status, output: Buffer.concat(chunks).toString('utf8') + extra, timedOut })
    }
    child.stdout.on('data', (chunk) => chunks.push(chunk))
    child.stderr.on('data', (chunk) => chunks.push(chunk))
    child.on('error', (error) => finish(127, error.message))
    child.on('close', (code, signal) => finish(exitCode(code, signal)))
  })
}

/**
 * Runs a program as if it had been started in place of this one: same terminal, same signals, same exit code.
 * @param {string} file
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, onOutput?: (text: string) => void }} [options]
 *   onOutput: sees standard output as it passes.
 * @returns {Promise<number>} The exit code; 128 + n for signal n.
 */
export function foreground(file, args, { env, cwd, onOutput } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, cwd, stdio: ['inherit', onOutput ? 'pipe' : 'inherit', 'inherit'] })
    const stop = relaySignals(child)
    child.stdout?.on('data', (chunk) => {
      process.stdout.write(chunk)
      onOutput?.(chunk.toString('utf8'))
    })
    child.on('error', (error) => {
      stop()
      reject(error)
    })
    child.on('close', (code, signal) => {
      stop()
      resolve(exitCode(code, signal))
    })
  })
}

/**
 * Passes on what asks this process to end, each kind once: sent twice it would read as impatience. What comes from a
 * terminal (Ctrl-C, or its window closed) reaches the child without help, because it shares the terminal's group.
 * @param {import('node:child_process').ChildProcess} child
 * @returns {() => void} Ends the relaying.
 */
function relaySignals(child) {
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGHUP', 'SIGTERM']
  const seen = new Set()
  /** @param {NodeJS.Signals} signal */
  const relay = (signal) => {
    const fromTerminal = signal !== 'SIGTERM' && (process.stdin.isTTY || process.platform === 'win32')
    if (!fromTerminal && !seen.has(signal)) child.kill(signal)
    seen.add(signal)
  }
  for (const signal of signals) process.on(signal, relay)
  const watch = watchParent(() => relay('SIGTERM'))
  return () => {
    for (const signal of signals) process.off(signal, relay)
    clearInterval(watch)
  }
}

/**
 * npm starts a script through a shell, and a SIGTERM for npm ends that shell and goes no further: the only trace of it
 * here is that the parent is gone.
 * @param {() => void} gone Called once.
 */
function watchParent(gone) {
  if (!process.env.npm_lifecycle_event || process.platform === 'win32') return undefined
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    gone()
  }, 250)
  return timer.unref()
}

/** @param {number | null} code @param {NodeJS.Signals | null} signal */
function exitCode(code, signal) {
  return signal ? 128 + constants.signals[signal] : (code ?? 1)
}
