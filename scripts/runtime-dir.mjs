// @ts-check
/** A private folder for XDG_RUNTIME_DIR where the session has none: Mesa complains without one. */
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv} env, with XDG_RUNTIME_DIR on Linux.
 */
export function withRuntimeDir(env) {
  if (process.platform !== 'linux' || env.XDG_RUNTIME_DIR || !process.getuid) return env
  const dir = join(tmpdir(), `moru-runtime-${process.getuid()}`)
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const stats = lstatSync(dir)
    // Anyone may create names in /tmp: a folder of someone else's is not used.
    if (stats.isDirectory() && stats.uid === process.getuid() && (stats.mode & 0o077) === 0)
      return { ...env, XDG_RUNTIME_DIR: dir }
  } catch {
    // Only a message is lost with it.
  }
  return env
}
