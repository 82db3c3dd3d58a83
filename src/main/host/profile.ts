import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Where the platform keeps an application's data: Moru's profile unless another is named. */
export function defaultProfileDirectory(
  platform: NodeJS.Platform = process.platform,
  env: NodeJS.ProcessEnv = process.env,
  home: string = homedir(),
): string {
  if (platform === 'win32') return join(env.APPDATA ?? join(home, 'AppData', 'Roaming'), 'Moru')
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Moru')
  // The XDG specification tells programs to ignore relative paths here.
  return join(env.XDG_DATA_HOME?.startsWith('/') ? env.XDG_DATA_HOME : join(home, '.local', 'share'), 'moru')
}

/** Makes the directory, for its owner alone, and answers its absolute path. */
export function prepareProfile(directory: string = defaultProfileDirectory()): string {
  const path = resolve(directory)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return path
}
